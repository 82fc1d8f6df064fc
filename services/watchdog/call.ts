/** A call of a function, and the interface of its handlers. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Marks a response of the watchdog, not the function (openfaas-api §4). */
export const INTERNAL_HEADER = "X-OpenFaaS-Internal";

export interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  /** Aborted at the time limit, or when the caller disconnects. */
  signal: AbortSignal;
  /** `performance.now()` when the call arrived. */
  startedAt: number;
}

/** Answers a call. Resolves when the response is complete; an error becomes an error response. */
export type CallHandler = (call: Call) => Promise<void>;

/** A failure whose status and message the caller may see. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly status: number;
  /** Whether the watchdog, not the function, is the cause: queues may then retry. */
  readonly isInternal: boolean;

  constructor(status: number, message: string, isInternal = false) {
    super(message);
    this.status = status;
    this.isInternal = isInternal;
  }
}

/** Path and query of a request target, as they came; it may also be an absolute URL, or `*`. */
export function splitTarget(target = "/"): { path: string; query: string } {
  const whole = target.startsWith("/") ? target : toPath(URL.parse(target));
  const mark = whole.indexOf("?");
  return mark === -1
    ? { path: whole, query: "" }
    : { path: whole.slice(0, mark), query: whole.slice(mark + 1) };
}

function toPath(url: URL | null): string {
  return url === null ? "/" : url.pathname + url.search;
}

/** Sets `X-Duration-Seconds` if the headers have not been sent. */
export function setDuration({ response, startedAt }: Call): void {
  const seconds = (performance.now() - startedAt) / 1000;
  response.setHeader("X-Duration-Seconds", seconds.toFixed(6));
}
