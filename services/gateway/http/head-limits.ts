/** How large the head of a request may be; more is 431. */

/** From the method to the empty line, both included. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** Header lines, whatever their names. */
export const MAX_HEADERS = 1000;
