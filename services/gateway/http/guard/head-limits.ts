/** Limits of a request's head; a larger one is answered with 431. */

/** From the method to the empty line, including both. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** Number of header lines. */
export const MAX_HEADERS = 1000;
