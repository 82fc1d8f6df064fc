/** Protocol upgrades (WebSocket): two sockets joined once the function has agreed. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { type Failure, failures } from "../errors.ts";
import { describeFailure, toFailureHeaders } from "../http/failure-response.ts";
import { closeInTime, endWithLinger, writeHead } from "../http/guard/index.ts";
import { toClientHeaders, toUpstreamHeaders } from "../http/headers.ts";
import { cleanPath, PREFIX, splitFunctionPath, splitTarget } from "../http/paths.ts";
import { Pod } from "../upstream/pod.ts";
import { beginCall, type Call } from "./call.ts";
import { NOT_TIMED, type Timed } from "./call-clock.ts";
import type { FunctionState } from "./function-states.ts";
import { askGuard, type InvokeContext } from "./invoke.ts";
import { type FailedAttempt, PodSearch } from "./pod-search.ts";
import { SocketPair, type SocketPairs, watchForEnd } from "./socket-pair.ts";
import { CLIENT_GONE, mayRetry, timedOut, toFailure } from "./upstream-error.ts";

export interface UpgradeContext extends InvokeContext {
  /** The upgraded connections that are open. */
  pairs: SocketPairs;
}

export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  /** What the caller has already sent in the new protocol. */
  head: Buffer;
}

/** Passes an upgrade to a function; everything else than a function is refused. */
export async function upgrade(context: UpgradeContext, incoming: UpgradeRequest): Promise<void> {
  const { request, socket } = incoming;
  socket.on("error", () => socket.destroy());
  const call = beginCall(request);
  const target = splitTarget(request.url ?? "/");
  const split = target === undefined ? undefined : readFunctionPath(target.path);
  if (target === undefined || split === undefined) {
    sendRefusal(incoming, call, failures.pageNotFound());
    return;
  }
  const state = context.states.find(split.segment);
  if (state === undefined) {
    sendRefusal(incoming, call, context.states.explain(split.segment));
    return;
  }
  const failure = await findRefusal(context, incoming, state);
  if (failure !== undefined) {
    sendRefusal(incoming, call, failure);
  } else if (!socket.destroyed) {
    const path = `${split.rest === "" ? "/" : split.rest}${target.query}`;
    new Upgrade({ context, incoming, call, state, path }).start();
  }
}

/** Why a call may not begin; undefined when it has been let in, or when the client is gone. */
async function findRefusal(
  { guard, admission }: UpgradeContext,
  { request, socket }: UpgradeRequest,
  state: FunctionState,
): Promise<Failure | undefined> {
  if (state.isPrivate && guard !== undefined) {
    const failure = await askGuard(guard, request, state);
    if (failure !== undefined) {
      return failure;
    }
  }
  return socket.destroyed ? undefined : admission.enter(state);
}

function readFunctionPath(path: string): ReturnType<typeof splitFunctionPath> {
  return path.startsWith(PREFIX.sync) && cleanPath(path) === path
    ? splitFunctionPath(path, PREFIX.sync)
    : undefined;
}

interface UpgradeOptions {
  context: UpgradeContext;
  incoming: UpgradeRequest;
  call: Call;
  state: FunctionState;
  path: string;
}

type UpgradeArguments = Parameters<NonNullable<Dispatcher.DispatchHandler["onRequestUpgrade"]>>;

class Upgrade implements Dispatcher.DispatchHandler, Timed {
  clockIndex = NOT_TIMED;
  readonly #options: UpgradeOptions;
  readonly #search: PodSearch;
  readonly #stopWatching: () => void;
  #pod: Pod | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #isSent = false;
  #hasAnswered = false;
  #isOver = false;
  #deadline = Infinity;
  #status = CLIENT_GONE;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#search = new PodSearch(options.context, options.state);
    options.incoming.socket.once("close", () => this.#end());
    this.#stopWatching = watchForEnd(options.incoming.socket);
  }

  start(): void {
    this.#options.state.metrics.start();
    this.#options.context.clock.add(this);
    this.#next(undefined);
  }

  /** The handshake is a call with an answer; what follows has the limits of its sockets. */
  checkTime(now: number): void {
    if (this.#isOver || now <= this.#deadline) {
      return;
    }
    if (this.#hasAnswered) {
      this.#options.incoming.socket.destroy();
    } else {
      this.#fail(timedOut("function", this.#options.state.displayName));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isSent = true;
    if (this.#isOver) {
      controller.abort(new Error("the call is over"));
    }
  }

  onRequestUpgrade(...[, status, headers, upstream]: UpgradeArguments): void {
    const { context, incoming, call, state } = this.#options;
    const { socket, head, request } = incoming;
    if (this.#isOver) {
      upstream.destroy();
      return;
    }
    this.#answer(status);
    this.#deadline = Infinity;
    this.#stopWatching();
    const protocol = String(headers["upgrade"] ?? request.headers.upgrade);
    const flat = toClientHeaders(headers, call.own, status);
    const lines = writeHead(status, [...flat, "Connection", "Upgrade", "Upgrade", protocol]);
    socket.write(lines, "latin1");
    upstream.write(head);
    const pair = new SocketPair({
      ...{ client: socket, upstream, pairs: context.pairs, clock: context.clock },
      idleMs: state.timeouts.idleMs,
    });
    pair.start();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status >= 200 && !this.#isOver) {
      const { call, incoming } = this.#options;
      this.#answer(status);
      this.#move();
      const flat = toClientHeaders(headers, call.own, status);
      incoming.socket.write(writeHead(status, [...flat, "Connection", "close"]), "latin1");
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { socket } = this.#options.incoming;
    this.#move();
    if (!socket.write(chunk)) {
      controller.pause();
      socket.once("drain", () => {
        this.#move();
        controller.resume();
      });
    }
  }

  onResponseEnd(): void {
    const { socket } = this.#options.incoming;
    this.#stopWatching();
    socket.resume().end(() => closeInTime(socket));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const pod = this.#pod;
    this.#leavePod();
    if (this.#isOver) {
      return;
    }
    if (this.#hasAnswered || pod === undefined) {
      this.#options.incoming.socket.destroy();
      return;
    }
    const failure = toFailure(error, this.#options.state.displayName);
    // A handshake that was lost may have had effects already.
    const attempt = { method: "POST", isSent: this.#isSent, isReplayable: true };
    if (mayRetry(error, attempt)) {
      this.#next({ pod, failure });
    } else {
      this.#fail(failure);
    }
  }

  #next(failed: FailedAttempt | undefined): void {
    this.#search.find(failed, (found) => {
      if (found instanceof Pod) {
        this.#send(found);
      } else {
        this.#fail(found);
      }
    });
  }

  #send(pod: Pod): void {
    const { context, incoming, call, state, path } = this.#options;
    const { request } = incoming;
    const limitMs = state.timeouts.firstByteMs || state.timeouts.callMs;
    this.#isSent = false;
    this.#pod = pod;
    this.#deadline = limitMs === 0 ? Infinity : context.clock.now + limitMs;
    pod.inFlight += 1;
    pod.pool.dispatch(
      {
        path,
        method: "GET",
        headers: toUpstreamHeaders(request, call, context.peers.peerOf(request)),
        upgrade: request.headers.upgrade ?? "websocket",
      },
      this,
    );
  }

  #answer(status: number): void {
    this.#status = status;
    this.#hasAnswered = true;
  }

  /** An answer that is no upgrade has the silence that other answers have. */
  #move(): void {
    const { context, state } = this.#options;
    const { idleMs } = state.timeouts;
    this.#deadline = idleMs === 0 ? Infinity : context.clock.now + idleMs;
  }

  #fail(failure: Failure): void {
    const { incoming, call } = this.#options;
    this.#status = failure.status;
    this.#isOver = true;
    this.#stopWatching();
    this.#controller?.abort(new Error(failure.message));
    sendRefusal(incoming, call, failure);
  }

  #leavePod(): void {
    if (this.#pod !== undefined) {
      this.#pod.inFlight -= 1;
      this.#pod = undefined;
    }
  }

  /** The client's connection has ended, whoever ended it. */
  #end(): void {
    const { context, call, state } = this.#options;
    this.#isOver = true;
    this.#search.cancel();
    this.#controller?.abort(new Error("client gone"));
    this.#leavePod();
    context.clock.delete(this);
    context.admission.leave(state);
    state.metrics.end(this.#status, (performance.now() - call.startedAt) / 1000);
  }
}

function sendRefusal({ request, socket }: UpgradeRequest, call: Call, failure: Failure): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { contentType, body } = describeFailure(failure, request.headers.accept, call.callId);
  const head = writeHead(failure.status, [
    ...["Content-Type", contentType],
    ...["Content-Length", String(Buffer.byteLength(body))],
    ...toFailureHeaders(failure),
    ...["Connection", "close"],
    ...call.own,
  ]);
  endWithLinger(socket, head + body);
}
