/** One call of a function: chosen pod, request on its way, answer on its way back. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Dispatcher } from "undici";
import type { Health } from "../../lib/health.ts";
import type { Logger } from "../../lib/logger.ts";
import type { Failure } from "../errors.ts";
import { drainRequest } from "../http/drain-request.ts";
import { sendFailure } from "../http/failure-response.ts";
import {
  onceClosed,
  releaseAfterWrite,
  send100Continue,
  writeAndRelease,
} from "../http/guard/index.ts";
import {
  toClientHeaders,
  toMissingType,
  toSmallLength,
  toUpstreamHeaders,
} from "../http/headers.ts";
import {
  hasBody,
  isSmall,
  readBody,
  REPLAYABLE_BYTES,
  StreamedBody,
} from "../http/request-body.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import { Pod } from "../upstream/pod.ts";
import type { Admission } from "./admission.ts";
import type { Call } from "./call.ts";
import { type CallClock, NOT_TIMED, type Timed } from "./call-clock.ts";
import type { FunctionState } from "./function-states.ts";
import { type FailedAttempt, PodSearch, type PodSearchContext } from "./pod-search.ts";
import { findOverdue, Phase } from "./time-limits.ts";
import { CLIENT_GONE, codeOf, mayRetry, timedOut, toFailure } from "./upstream-error.ts";

export interface ExchangeContext extends PodSearchContext {
  admission: Admission;
  clock: CallClock;
  peers: TrustedPeers;
  logger: Logger;
  /** Tells when the gateway is going away. */
  health: Pick<Health, "isStopping">;
  /** Longest time to receive a body, or silence where it is streamed, milliseconds. */
  readTimeoutMs: number;
  /** Longest time for which a client may leave its answer unread, milliseconds. */
  writeTimeoutMs: number;
}

export interface ExchangeOptions {
  context: ExchangeContext;
  request: IncomingMessage;
  response: ServerResponse;
  call: Call;
  state: FunctionState;
  /** Path and query as the function sees them. */
  target: string;
}

/** How often a call that may have reached a pod is sent at most. */
const MAX_ATTEMPTS = 4;

export class Exchange implements Dispatcher.DispatchHandler, Timed {
  clockIndex = NOT_TIMED;
  readonly #options: ExchangeOptions;
  readonly #headers: string[];
  readonly #hasBody: boolean;
  #body: Buffer | undefined;
  #streamed: StreamedBody | undefined;
  #pod: Pod | undefined;
  #search: PodSearch | undefined;
  /** Why the call is being sent once more. */
  #lastFailure: Failure | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #attempts = 0;
  #isSent = false;
  #hasData = false;
  /** Length of an answer that is sent with one write, head and body, when it comes in one piece. */
  #wholeLength = -1;
  #isPaused = false;
  #isOver = false;
  #isEventStream = false;
  #phase: Phase = Phase.Searching;
  #movedAt: number;
  #deadline = Infinity;
  #status = CLIENT_GONE;

  /** Takes over a call that has been let in. */
  constructor(options: ExchangeOptions) {
    const { context, request, response, call } = options;
    this.#options = options;
    this.#headers = toUpstreamHeaders(request, call, context.peers.peerOf(request));
    this.#hasBody = hasBody(request);
    context.clock.add(this);
    this.#movedAt = context.clock.now;
    onceClosed(request, response, () => this.#onClose());
  }

  /** Sends the call; the answer, whatever it is, goes to the response. */
  start(): void {
    const { request, context, state } = this.#options;
    state.metrics.start();
    if (this.#hasBody && isSmall(request)) {
      this.#phase = Phase.Reading;
      this.#deadline = this.#movedAt + context.readTimeoutMs;
      this.#invite();
      readBody(request, REPLAYABLE_BYTES, (body) => {
        this.#body = body;
        this.#deadline = Infinity;
        this.#next(undefined);
      });
    } else {
      this.#next(undefined);
    }
  }

  checkTime(now: number): void {
    const { context, request, state } = this.#options;
    const overdue = findOverdue(this.#phase, {
      sinceMs: now - this.#movedAt,
      isLate: now > this.#deadline,
      isUploading: this.#streamed !== undefined && !request.complete,
      isStuck: this.#streamed?.stream.writableNeedDrain === true,
      isUnread: this.#isPaused,
      isEventStream: this.#isEventStream,
      timeouts: state.timeouts,
      readMs: context.readTimeoutMs,
      writeMs: context.writeTimeoutMs,
    });
    if (overdue !== undefined) {
      this.#expire(this.#lastFailure ?? timedOut(overdue, state.displayName));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isSent = true;
    if (this.#isOver) {
      controller.abort(new Error("the call is over"));
      return;
    }
    this.#move(Phase.Waiting);
    if (this.#streamed !== undefined) {
      this.#invite();
      this.#streamed.begin();
    }
  }

  onBodySent(): void {
    this.#movedAt = this.#options.context.clock.now;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200 || this.#isOver) {
      return;
    }
    const { request, response, call, context } = this.#options;
    this.#status = status;
    this.#move(Phase.Answering);
    if (this.#body !== undefined && this.#attempts === 1) {
      // It is not sent again, and no other connection has it.
      releaseAfterWrite(this.#body);
    }
    const flat = toClientHeaders(headers, call.own, status);
    flat.push(...toMissingType(request.headers, headers, status));
    this.#isEventStream = headers["content-type"]?.startsWith("text/event-stream") === true;
    if (context.health.isStopping) {
      response.shouldKeepAlive = false;
    }
    response.writeHead(status, flat);
    this.#wholeLength = toSmallLength(headers);
    if (headers["content-length"] === undefined) {
      // A stream's reader may act on the status long before the first chunk comes.
      queueMicrotask(() => this.#flush());
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response, context } = this.#options;
    this.#movedAt = context.clock.now;
    if (chunk.length === this.#wholeLength && !this.#hasData) {
      response.end(chunk.toString("latin1"), "latin1");
      return;
    }
    this.#hasData = true;
    const isTaken = writeAndRelease(response, chunk);
    if (!isTaken && !this.#isPaused) {
      this.#isPaused = true;
      controller.pause();
      response.once("drain", () => {
        this.#isPaused = false;
        this.#movedAt = context.clock.now;
        controller.resume();
      });
    }
  }

  onResponseEnd(): void {
    const { request, response } = this.#options;
    this.#leavePod();
    if (!response.writableEnded) {
      response.end();
    }
    if (this.#streamed !== undefined && !request.complete) {
      drainRequest(request);
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const pod = this.#pod;
    this.#leavePod();
    if (this.#isOver) {
      return;
    }
    const { response, request, context, state } = this.#options;
    const functionName = state.displayName;
    context.logger.debug({ functionName, pod: pod?.origin, code: codeOf(error) }, "call failed");
    if (response.headersSent) {
      // The caller must not take half an answer for a whole one.
      response.destroy();
      return;
    }
    const failure = toFailure(error, functionName);
    const attempt = {
      method: request.method ?? "GET",
      isSent: this.#isSent,
      isReplayable: this.#body !== undefined || !this.#hasBody,
    };
    const mayBeSent = !this.#isSent || this.#attempts < MAX_ATTEMPTS;
    if (pod !== undefined && mayBeSent && mayRetry(error, attempt)) {
      this.#next({ pod, failure });
    } else {
      this.#fail(failure);
    }
  }

  /** Sends the call to a pod, or waits for one. */
  #next(failed: FailedAttempt | undefined): void {
    const { context, state } = this.#options;
    this.#move(Phase.Searching);
    const pod = failed === undefined ? context.endpoints.pick(state.key) : undefined;
    if (pod !== undefined) {
      this.#send(pod);
      return;
    }
    this.#lastFailure = failed?.failure;
    this.#search ??= new PodSearch(context, state);
    this.#search.find(failed, (found) => {
      if (found instanceof Pod) {
        this.#send(found);
      } else {
        this.#fail(found);
      }
    });
  }

  #send(pod: Pod): void {
    const { request, target, context, state } = this.#options;
    this.#lastFailure = undefined;
    this.#isSent = false;
    this.#attempts += 1;
    this.#pod = pod;
    this.#controller = undefined;
    pod.inFlight += 1;
    if (this.#deadline === Infinity && state.timeouts.callMs > 0) {
      this.#deadline = context.clock.now + state.timeouts.callMs;
    }
    this.#streamed =
      this.#body === undefined && this.#hasBody ? new StreamedBody(request) : undefined;
    pod.pool.dispatch(
      {
        path: target,
        method: request.method ?? "GET",
        headers: this.#headers,
        body: this.#body ?? this.#streamed?.stream ?? null,
      },
      this,
    );
  }

  /** Asks a caller that waits for it to send the body (RFC 9110 §10.1.1). */
  #invite(): void {
    const { request, response } = this.#options;
    send100Continue(request, response);
  }

  #move(phase: Phase): void {
    this.#phase = phase;
    this.#movedAt = this.#options.context.clock.now;
  }

  #expire(failure: Failure): void {
    const { response } = this.#options;
    this.#end(failure.message);
    if (response.headersSent) {
      response.destroy();
    } else {
      this.#fail(failure);
    }
  }

  #fail(failure: Failure): void {
    const { request, response, call } = this.#options;
    this.#isOver = true;
    this.#status = failure.status;
    sendFailure(request, response, { failure, own: call.own });
  }

  /** Sends the head by itself, unless the first chunk has come with it. */
  #flush(): void {
    const { response } = this.#options;
    if (!this.#hasData && !response.writableEnded && !response.destroyed) {
      response.flushHeaders();
    }
  }

  #leavePod(): void {
    if (this.#pod !== undefined) {
      this.#pod.inFlight -= 1;
      this.#pod = undefined;
    }
  }

  /** Ends whatever goes on for this call. */
  #end(reason: string): void {
    this.#isOver = true;
    this.#search?.cancel();
    this.#controller?.abort(new Error(reason));
  }

  #onClose(): void {
    const { response, context, call, state } = this.#options;
    context.clock.delete(this);
    context.admission.leave(state);
    if (!response.writableFinished) {
      this.#end("client gone");
    }
    state.metrics.end(this.#status, (performance.now() - call.startedAt) / 1000);
  }
}
