/** One call of a function, as the watchdog hands it to whatever answers it. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Marks an answer that comes from the watchdog and not from the function (openfaas-api §4). */
export const INTERNAL_HEADER = "X-OpenFaaS-Internal";

export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  /** Aborted when the time is up, or when the caller went away. */
  signal: AbortSignal;
  /** Milliseconds of `performance.now()` at which the call came in. */
  startedAt: number;
}

/** Answers a call. Resolves when the answer is complete; what it throws becomes an error answer. */
export type CallHandler = (call: Call) => Promise<void>;

/** A failure whose status and message the caller may see. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly status: number;
  /** Whether the watchdog, not the function, is the cause: queues may then call again. */
  readonly isInternal: boolean;

  constructor(status: number, message: string, isInternal = false) {
    super(message);
    this.status = status;
    this.isInternal = isInternal;
  }
}

/** Writes `X-Duration-Seconds`, as long as headers can still be written. */
export function setDuration({ response, startedAt }: Call): void {
  const seconds = (performance.now() - startedAt) / 1000;
  response.setHeader("X-Duration-Seconds", seconds.toFixed(6));
}
