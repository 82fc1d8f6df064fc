/** Why a call has failed on its way, beside the system's own errors. */

export type CallErrorCode =
  /** The connection has ended before the answer, or within it. */
  | "UPSTREAM_CLOSED"
  /** What came is no answer. */
  | "UPSTREAM_ANSWER"
  /** The head of the answer is too long. */
  | "UPSTREAM_HEAD_SIZE"
  /** The request cannot be written as one. */
  | "UPSTREAM_REQUEST"
  /** No connection in time. */
  | "UPSTREAM_CONNECT_TIMEOUT";

/** An error with a code, as those of the system have one. */
export function callError(code: CallErrorCode, message: string): Error {
  return Object.assign(new Error(message), { code });
}
