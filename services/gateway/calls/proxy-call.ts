/** One call of a function: its request on the way to an upstream, the answer on its way back. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { endByFault } from "../../lib/faults.ts";
import type { Health } from "../../lib/health.ts";
import type { Failure } from "../errors.ts";
import { drainRequest } from "../http/drain-request.ts";
import { sendFailure } from "../http/failure-response.ts";
import { onceClosed, releaseAfterWrite, send100Continue } from "../http/guard/index.ts";
import {
  toClientHeaders,
  toMissingType,
  toSmallLength,
  toUpstreamHeaders,
} from "../http/headers.ts";
import {
  type BodyTaker,
  hasBody,
  isSmall,
  readBody,
  REPLAYABLE_BYTES,
  StreamedBody,
} from "../http/request-body.ts";
import type { TrustedPeers } from "../http/trusted-peers.ts";
import type { AnswerHandler, CallControl } from "../upstream/exchange.ts";
import { type Slab, writeChunk } from "../upstream/slabs.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Call } from "./call.ts";
import type { FunctionState } from "./function-states.ts";
import { Phase, type Transfer } from "./time-limits.ts";
import { UpstreamAttempt, type UpstreamCall, type UpstreamContext } from "./upstream-attempt.ts";
import { isIdempotent } from "./upstream-error.ts";

export interface ProxyContext extends UpstreamContext {
  peers: TrustedPeers;
  /** Tells when the gateway is going away. */
  health: Pick<Health, "isStopping">;
}

export interface ProxyCallOptions {
  context: ProxyContext;
  request: IncomingMessage;
  response: ServerResponse;
  call: Call;
  state: FunctionState;
  /** Path and query as the function sees them. */
  target: string;
  /** The whole body, where it has been read already. */
  body: Buffer | undefined;
}

export class ProxyCall implements UpstreamCall, AnswerHandler, BodyTaker {
  readonly #options: ProxyCallOptions;
  readonly #attempt: UpstreamAttempt;
  readonly #headers: string[];
  readonly #hasBody: boolean;
  #body: Buffer | undefined;
  #streamed: StreamedBody | undefined;
  #hasData = false;
  /** Length of an answer that is sent with one write, head and body, when it comes in one piece. */
  #wholeLength = -1;
  #isPaused = false;
  /** Whether the answer that comes is one of a full pod, in whose place another one is asked. */
  #isRefused = false;
  #isEventStream = false;

  /** Takes over a call that has been let in. */
  constructor(options: ProxyCallOptions) {
    const { context, request, response, call } = options;
    this.#options = options;
    this.#attempt = new UpstreamAttempt(this, options);
    onceClosed(request, response, () => this.#closed());
    // From here on the call gives its place back, whatever goes wrong.
    this.#headers = toUpstreamHeaders(request, call, context.peers.peerOf(request));
    this.#hasBody = hasBody(request);
    this.#body = this.#hasBody ? options.body : undefined;
  }

  /** Sends the call; the answer, whatever it is, goes to the response. */
  start(): void {
    try {
      this.#begin();
    } catch (error) {
      this.fault(error);
    }
  }

  #begin(): void {
    const { request, response, context } = this.#options;
    if (this.#body !== undefined || !this.#hasBody || !isSmall(request)) {
      this.#attempt.send();
      return;
    }
    this.#attempt.enter(Phase.Reading);
    const { readTimeoutMs } = context;
    this.#attempt.deadline = readTimeoutMs === 0 ? Infinity : context.clock.now + readTimeoutMs;
    send100Continue(request, response);
    readBody(request, REPLAYABLE_BYTES, this);
  }

  /** All of a small body is there. */
  done(body: Buffer | undefined): void {
    this.#body = body;
    this.#attempt.deadline = Infinity;
    this.#attempt.send();
  }

  /** Ends the call by a fault of ours. */
  fault(error: unknown): void {
    this.#attempt.fault(error);
  }

  sendTo(upstream: Upstream): void {
    const { request, target, context, state } = this.#options;
    const { callMs } = state.timeouts;
    if (this.#attempt.deadline === Infinity && callMs > 0) {
      this.#attempt.deadline = context.clock.now + callMs;
    }
    this.#streamed =
      this.#body === undefined && this.#hasBody ? new StreamedBody(request) : undefined;
    const { method = "GET" } = request;
    const body = this.#body ?? this.#streamed;
    upstream.dispatch({ path: target, method, headers: this.#headers, body }, this);
  }

  mayRepeat(): boolean {
    return this.#isReplayable() && isIdempotent(this.#options.request.method ?? "GET");
  }

  transfer(): Transfer {
    return {
      isUploading: this.#streamed !== undefined && !this.#options.request.complete,
      isStuck: this.#streamed?.isStuck === true,
      isUnread: this.#isPaused,
      isEventStream: this.#isEventStream,
    };
  }

  fail(failure: Failure): void {
    const { request, response, call } = this.#options;
    // The caller must not take half an answer for a whole one: that one is broken off.
    sendFailure(request, response, { failure, own: call.own });
  }

  cut(): void {
    this.#options.request.socket.destroy();
  }

  onRequestStart(control: CallControl): void {
    if (this.#attempt.started(control) && this.#streamed !== undefined) {
      const { request, response } = this.#options;
      send100Continue(request, response);
    }
  }

  onBodySent(): void {
    this.#attempt.moved();
  }

  onResponseStart(_control: CallControl, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.#attempt.isOver) {
      return;
    }
    this.#isRefused = this.#isRefusedForAnother(status, headers);
    if (this.#isRefused) {
      return;
    }
    const { request, response, call, context } = this.#options;
    if (this.#body !== undefined && this.#attempt.isFirst) {
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
    this.#attempt.answered(status);
    this.#wholeLength = toSmallLength(headers);
    if (headers["content-length"] === undefined) {
      // A stream's reader may act on the status long before the first chunk comes.
      queueMicrotask(() => this.#flush());
    }
  }

  onResponseData(control: CallControl, chunk: Buffer, slab?: Slab): void {
    const { response } = this.#options;
    this.#attempt.moved();
    if (this.#isRefused) {
      return;
    }
    if (chunk.length === this.#wholeLength && !this.#hasData) {
      response.end(chunk.toString("latin1"), "latin1");
      return;
    }
    this.#hasData = true;
    const isTaken = writeChunk(response, chunk, slab);
    if (!isTaken && !this.#isPaused) {
      this.#isPaused = true;
      control.pause();
      response.once("drain", () => this.#resume(control));
    }
  }

  onResponseEnd(): void {
    if (this.#isRefused) {
      this.#resend();
      return;
    }
    const { request, response } = this.#options;
    this.#attempt.leave();
    if (!response.writableEnded) {
      response.end();
    }
    if (this.#streamed !== undefined && !request.complete) {
      drainRequest(request);
    }
  }

  onResponseError(_control: CallControl, error: Error): void {
    if (this.#isRefused) {
      this.#resend();
    } else {
      this.#attempt.failed(error);
    }
  }

  #closed(): void {
    try {
      this.#attempt.close(this.#options.response.writableFinished);
    } catch (error) {
      endByFault(error);
    }
  }

  #resume(control: CallControl): void {
    try {
      this.#isPaused = false;
      this.#attempt.moved();
      control.resume();
    } catch (error) {
      this.fault(error);
    }
  }

  /** Whether all of the request can be sent once more. */
  #isReplayable(): boolean {
    return this.#body !== undefined || !this.#hasBody;
  }

  /** Nothing has run: it does not matter whether the method may be repeated. */
  #isRefusedForAnother(status: number, headers: IncomingHttpHeaders): boolean {
    return isRefusal(status, headers) && this.#isReplayable() && this.#attempt.refused();
  }

  #resend(): void {
    this.#isRefused = false;
    this.#attempt.resend();
  }

  /** Sends the head by itself, unless the first chunk has come with it. */
  #flush(): void {
    const { response } = this.#options;
    try {
      if (!this.#hasData && !response.writableEnded && !response.destroyed) {
        response.flushHeaders();
      }
    } catch (error) {
      this.fault(error);
    }
  }
}

/** A watchdog's own word that it is full, which comes before it begins to run the call. */
function isRefusal(status: number, headers: IncomingHttpHeaders): boolean {
  return (
    status === 429 &&
    headers["x-openfaas-internal"] === "faas-middleware" &&
    // No more than a sentence, which is read so that the connection can be used again.
    toSmallLength(headers) >= 0
  );
}
