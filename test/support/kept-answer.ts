/** What becomes of a call to an upstream, kept for a test. */
import type { IncomingHttpHeaders } from "node:http";
import type {
  AnswerHandler,
  CallControl,
  UpstreamRequest,
} from "../../services/gateway/upstream/exchange.ts";

/** What calls can be sent to. */
interface Dispatching {
  dispatch(request: UpstreamRequest, handler: AnswerHandler): void;
}

export class KeptAnswer implements AnswerHandler {
  status = 0;
  headers: IncomingHttpHeaders = {};
  control: CallControl | undefined;
  bodySent = 0;
  /** Resolves at the end of the answer; rejects with why there is none. */
  readonly ended: Promise<KeptAnswer>;
  /** Resolves when the request is about to be sent. */
  readonly started: Promise<unknown>;
  readonly #chunks: Buffer[] = [];
  readonly #started = Promise.withResolvers<unknown>();
  readonly #ended = Promise.withResolvers<KeptAnswer>();

  constructor() {
    this.started = this.#started.promise;
    this.ended = this.#ended.promise;
    this.ended.catch(() => undefined);
  }

  /** What has come of the body, in latin1. */
  get body(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }

  onRequestStart(control: CallControl): void {
    this.control = control;
    this.#started.resolve(undefined);
  }

  onBodySent(): void {
    this.bodySent += 1;
  }

  onResponseStart(_control: CallControl, status: number, headers: IncomingHttpHeaders): void {
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_control: CallControl, chunk: Buffer): void {
    // The memory is read into again.
    this.#chunks.push(Buffer.from(chunk));
  }

  onResponseEnd(): void {
    this.#ended.resolve(this);
  }

  onResponseError(_control: CallControl, error: Error): void {
    this.#ended.reject(error);
  }

  fault(error: unknown): void {
    this.#ended.reject(error);
  }
}

/** Begins a call. */
export function beginCallTo(
  upstream: Dispatching,
  request: Partial<UpstreamRequest> = {},
  handler = new KeptAnswer(),
): KeptAnswer {
  upstream.dispatch(
    { path: "/", method: "GET", headers: [], body: undefined, ...request },
    handler,
  );
  return handler;
}
