/** One call of a function: chosen pod, request on its way, answer on its way back. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Logger } from "../lib/logger.ts";
import type { Call } from "./call.ts";
import type { ColdStarts } from "./cold-starts.ts";
import type { Endpoints } from "./endpoints.ts";
import { sendFailure, type Failure } from "./errors.ts";
import { toClientHeaders, toUpstreamHeaders } from "./headers.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { toDisplayName, toKey, type FunctionReference } from "./names.ts";
import type { Pod } from "./pod.ts";
import { hasBody, isSmall, readBody, REPLAYABLE_BYTES, StreamedBody } from "./request-body.ts";
import { codeOf, mayRetry, toFailure } from "./upstream-error.ts";

export interface ExchangeContext {
  endpoints: Endpoints;
  coldStarts: ColdStarts;
  metrics: GatewayMetrics;
  logger: Logger;
  /** Longest wait for the first byte of an answer and between two chunks, milliseconds. */
  upstreamTimeoutMs: number;
}

export interface ExchangeOptions {
  context: ExchangeContext;
  request: IncomingMessage;
  response: ServerResponse;
  call: Call;
  reference: FunctionReference;
  /** Path and query as the function sees them. */
  target: string;
}

const MAX_ATTEMPTS = 4;

/** How long a call that met only dead pods waits for the watch to show another one. */
const CHANGE_WAIT_MS = 1000;

/** nginx' status for a client that went away; it only appears in metrics. */
const CLIENT_GONE = 499;

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #functionName: string;
  readonly #key: string;
  readonly #headers: string[];
  #body: Buffer | undefined;
  #streamed: StreamedBody | undefined;
  #pod: Pod | undefined;
  #failed: Set<Pod> | undefined;
  #attempts = 0;
  #isSent = false;
  #isPaused = false;
  #isGone = false;
  #waiting: AbortController | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status = CLIENT_GONE;

  constructor(options: ExchangeOptions) {
    const { request, response, call, reference } = options;
    this.#options = options;
    this.#functionName = toDisplayName(reference);
    this.#key = toKey(reference);
    this.#headers = toUpstreamHeaders(request, call);
    response.once("close", () => this.#onClose());
  }

  /** Sends the call; the answer, whatever it is, goes to the response. */
  start(): void {
    const { request, context } = this.#options;
    context.metrics.start(this.#functionName);
    if (hasBody(request) && isSmall(request)) {
      readBody(request, REPLAYABLE_BYTES, (body) => {
        this.#body = body;
        this.#next();
      });
    } else {
      this.#next();
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isSent = true;
    if (this.#isGone) {
      controller.abort(new Error("client gone"));
      return;
    }
    this.#streamed?.begin();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) {
      return;
    }
    const { request, response, call } = this.#options;
    this.#status = status;
    const flat = toClientHeaders(headers, call.own);
    if (headers["content-type"] === undefined && status !== 204 && status !== 304) {
      flat.push("Content-Type", request.headers["content-type"] ?? "text/plain; charset=utf-8");
    }
    response.writeHead(status, flat);
    response.on("drain", () => {
      this.#isPaused = false;
      controller.resume();
    });
    if (headers["content-length"] === undefined) {
      // A stream's reader may act on the status long before the first chunk comes.
      response.flushHeaders();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#options.response.write(chunk) && !this.#isPaused) {
      this.#isPaused = true;
      controller.pause();
    }
  }

  onResponseEnd(): void {
    this.#leavePod();
    this.#options.response.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const pod = this.#pod;
    this.#leavePod();
    const { response, request, context } = this.#options;
    if (this.#isGone) {
      return;
    }
    context.logger.debug(
      { functionName: this.#functionName, pod: pod?.origin, code: codeOf(error) },
      "call failed",
    );
    if (response.headersSent) {
      // The caller must not take half an answer for a whole one.
      response.destroy();
      return;
    }
    const attempt = {
      method: request.method ?? "GET",
      isSent: this.#isSent,
      isReplayable: this.#body !== undefined || !hasBody(request),
    };
    if (pod === undefined || this.#attempts >= MAX_ATTEMPTS || !mayRetry(error, attempt)) {
      this.#fail(toFailure(error, this.#functionName));
      return;
    }
    this.#failed = (this.#failed ?? new Set()).add(pod);
    this.#next(toFailure(error, this.#functionName));
  }

  /** Sends the call to a pod, or waits for one. */
  #next(lastFailure?: Failure): void {
    const { endpoints } = this.#options.context;
    const pod = endpoints.pick(this.#key, this.#failed);
    if (pod !== undefined) {
      this.#send(pod);
    } else if (lastFailure !== undefined && endpoints.has(this.#key)) {
      void this.#retryAfterChange(lastFailure);
    } else {
      void this.#waitForPod();
    }
  }

  #send(pod: Pod): void {
    const { request, target, context } = this.#options;
    this.#attempts += 1;
    this.#isSent = false;
    this.#pod = pod;
    pod.inFlight += 1;
    this.#streamed =
      this.#body === undefined && hasBody(request) ? new StreamedBody(request) : undefined;
    pod.pool.dispatch(
      {
        path: target,
        method: request.method ?? "GET",
        headers: this.#headers,
        body: this.#body ?? this.#streamed?.stream ?? null,
        headersTimeout: context.upstreamTimeoutMs,
        bodyTimeout: context.upstreamTimeoutMs,
      },
      this,
    );
  }

  async #retryAfterChange(lastFailure: Failure): Promise<void> {
    const { endpoints } = this.#options.context;
    await endpoints.waitForChange(this.#key, CHANGE_WAIT_MS);
    if (this.#isGone) {
      return;
    }
    const pod = endpoints.pick(this.#key, this.#failed);
    if (pod === undefined) {
      this.#fail(lastFailure);
    } else {
      this.#send(pod);
    }
  }

  async #waitForPod(): Promise<void> {
    const { context, reference } = this.#options;
    this.#waiting = new AbortController();
    const failure = await context.coldStarts.wait(reference, this.#waiting.signal);
    if (this.#isGone) {
      return;
    }
    if (failure === undefined) {
      this.#next();
    } else {
      this.#fail(failure);
    }
  }

  #fail(failure: Failure): void {
    const { request, response, call } = this.#options;
    this.#status = failure.status;
    sendFailure(request, response, { failure, own: call.own });
  }

  #leavePod(): void {
    if (this.#pod !== undefined) {
      this.#pod.inFlight -= 1;
      this.#pod = undefined;
    }
  }

  #onClose(): void {
    const { response, context, call } = this.#options;
    if (!response.writableFinished) {
      this.#isGone = true;
      this.#waiting?.abort();
      this.#controller?.abort(new Error("client gone"));
    }
    const seconds = (performance.now() - call.startedAt) / 1000;
    context.metrics.end(this.#functionName, this.#status, seconds);
  }
}
