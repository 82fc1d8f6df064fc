/** Limits of Node's timers. */

/** The longest time that they count, milliseconds (24 days): a longer one is over at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
