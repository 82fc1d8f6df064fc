/** What went wrong between client, gateway and upstream, and whether the call may be sent again. */
import { type Failure, failures } from "../errors.ts";
import type { Overdue } from "./time-limits.ts";

/** nginx' status for a client that went away; it only appears in metrics. */
export const CLIENT_GONE = 499;

/** Methods that may be repeated (RFC 9110 §9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

const TIMEOUTS = new Set(["UPSTREAM_CONNECT_TIMEOUT", "UND_ERR_CONNECT_TIMEOUT", "ETIMEDOUT"]);

const CONNECTION_LOST = new Set(["UPSTREAM_CLOSED", "UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

/** Whether requests with this method may be repeated. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Requests that cannot be written as one. */
const MALFORMED = new Set(["UPSTREAM_REQUEST", "UND_ERR_INVALID_ARG"]);

/** The code of a system error, of our own client's, or of undici's. */
export function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.name;
}

export interface Attempt {
  /** Whether an upstream may have received the head of the request. */
  isSent: boolean;
  /** Whether the request may be sent again after that. */
  mayRepeat: boolean;
}

/**
 * Whether a failed call may go to another upstream: when nothing was sent, or when the connection
 * was lost before any answer and the request may be repeated.
 */
export function mayRetry(error: Error, { isSent, mayRepeat }: Attempt): boolean {
  const code = codeOf(error);
  return isSent ? mayRepeat && CONNECTION_LOST.has(code) : !MALFORMED.has(code);
}

/** Whether it is a fault of ours: what fails on its way has a code, the system's or a client's. */
export function isFault(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === undefined;
}

/** The answer for a call that took too long. */
export function timedOut(whose: Overdue, functionName: string): Failure {
  return whose === "function" ? failures.upstreamTimeout(functionName) : failures.requestTimeout();
}

/** The answer for a call that has failed for good: 504 by time, 400 by the request, else 502. */
export function toFailure(error: Error, functionName: string): Failure {
  const code = codeOf(error);
  if (TIMEOUTS.has(code)) {
    return timedOut("function", functionName);
  }
  if (MALFORMED.has(code)) {
    return failures.badRequest("The request is malformed.");
  }
  return failures.upstreamFailed(
    CONNECTION_LOST.has(code)
      ? `${functionName} closed the connection without an answer.`
      : `Can't reach ${functionName}.`,
  );
}
