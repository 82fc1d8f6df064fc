/** What went wrong between client, gateway and pod, and whether the call may be sent once more. */
import { type Failure, failures } from "../errors.ts";
import type { Overdue } from "./time-limits.ts";

/** nginx' status for a client that went away; it only appears in metrics. */
export const CLIENT_GONE = 499;

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

const TIMEOUTS = new Set(["UND_ERR_CONNECT_TIMEOUT", "ETIMEDOUT"]);

const CONNECTION_LOST = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);

export interface Attempt {
  method: string;
  /** The head of the request may have reached the pod. */
  isSent: boolean;
  /** There is no body, or the gateway still has all of it. */
  isReplayable: boolean;
}

/** The code of a system or undici error. */
export function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? error.name;
}

/**
 * Whether a failed call may go to another pod: when nothing was sent, or when the connection was
 * lost before any answer and the method may be repeated (RFC 9110 §9.2.2).
 */
export function mayRetry(error: Error, { method, isSent, isReplayable }: Attempt): boolean {
  const code = codeOf(error);
  if (!isSent) {
    return code !== "UND_ERR_INVALID_ARG";
  }
  return isReplayable && IDEMPOTENT.has(method) && CONNECTION_LOST.has(code);
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
  if (code === "UND_ERR_INVALID_ARG") {
    return failures.badRequest("The request is malformed.");
  }
  return failures.upstreamFailed(
    CONNECTION_LOST.has(code)
      ? `${functionName} closed the connection without an answer.`
      : `Can't reach ${functionName}.`,
  );
}
