/** Node's timers: their limit, and one that goes by the time that the process was awake. */

/** The longest time that they count, milliseconds (24 days): a longer one is over at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const STEPS = 10;

/**
 * Calls back after a time that goes by steps: a process that stood still meanwhile has lost one of
 * them at most, so that it has looked for what it waits for before it gives up.
 * @returns what stops it
 */
export function startAwakeTimer(callback: () => void, milliseconds: number): () => void {
  let left = STEPS;
  const timer = setInterval(() => {
    left -= 1;
    if (left === 0) {
      stop();
      callback();
    }
  }, milliseconds / STEPS);
  const stop = (): void => clearInterval(timer);
  return stop;
}

/** What a promise gives, or an error after so many milliseconds; it goes on all the same. */
export async function withTimeout<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("timed out")), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
