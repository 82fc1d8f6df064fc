/** Protocol upgrades (WebSocket): two sockets joined once the function has agreed. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { guard } from "../../lib/faults.ts";
import { type Failure, failures } from "../errors.ts";
import { describeFailure, toFailureHeaders } from "../http/failure-response.ts";
import { closeInTime, endWithLinger, writeHead } from "../http/guard/index.ts";
import { toClientHeaders, toUpstreamHeaders } from "../http/headers.ts";
import { cleanPath, PREFIX, splitFunctionPath, splitTarget } from "../http/paths.ts";
import type { CallControl } from "../upstream/exchange.ts";
import type { UpgradeHandler, Upstream } from "../upstream/upstream.ts";
import { beginCall, type Call } from "./call.ts";
import type { FunctionState } from "./function-states.ts";
import { askGuard, type InvokeContext } from "./invoke.ts";
import { Phase, type Transfer } from "./time-limits.ts";
import { Tunnel, type Tunnels, watchForEnd } from "./tunnel.ts";
import { UpstreamAttempt, type UpstreamCall } from "./upstream-attempt.ts";

export interface UpgradeContext extends InvokeContext {
  /** The upgraded connections that are open. */
  tunnels: Tunnels;
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
    state.metrics.refuse(failure.code);
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
  return socket.destroyed ? undefined : admission.enter(state, "upgraded");
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

type UpgradeArguments = Parameters<UpgradeHandler["onRequestUpgrade"]>;

class Upgrade implements UpstreamCall, UpgradeHandler {
  readonly #options: UpgradeOptions;
  readonly #attempt: UpstreamAttempt;
  readonly #stopWatching: () => void;
  #isUnread = false;

  constructor(options: UpgradeOptions) {
    const { socket } = options.incoming;
    this.#options = options;
    this.#attempt = new UpstreamAttempt(this, { ...options, kind: "upgraded" });
    socket.once(
      "close",
      guard(() => this.#attempt.close(false)),
    );
    this.#stopWatching = watchForEnd(socket);
  }

  start(): void {
    this.#attempt.send();
  }

  sendTo(upstream: Upstream): void {
    const { context, incoming, call, state, path } = this.#options;
    const { request } = incoming;
    // The handshake is a call with an answer.
    this.#limit(state.timeouts.firstByteMs || state.timeouts.callMs);
    const headers = toUpstreamHeaders(request, call, context.peers.peerOf(request));
    const protocol = request.headers.upgrade ?? "websocket";
    upstream.dispatchUpgrade({ path, method: "GET", headers, upgrade: protocol }, this);
  }

  /** A handshake that was lost may already have had effects. */
  mayRepeat(): boolean {
    return false;
  }

  /** No body is sent, and an answer that is no upgrade is read like any other. */
  transfer(): Transfer {
    return { isUploading: false, isStuck: false, isUnread: this.#isUnread, isEventStream: false };
  }

  fail(failure: Failure): void {
    const { incoming, call } = this.#options;
    this.#stopWatching();
    if (this.#attempt.hasAnswered) {
      incoming.socket.destroy();
    } else {
      sendRefusal(incoming, call, failure);
    }
  }

  cut(): void {
    cut(this.#options.incoming.socket)();
  }

  fault(error: unknown): void {
    this.#attempt.fault(error);
  }

  onRequestStart(controller: CallControl): void {
    this.#attempt.started(controller);
  }

  /** Whoever gives the connection away does not hear of a fault any more. */
  onRequestUpgrade(...[, status, headers, upstream]: UpgradeArguments): void {
    try {
      this.#join(status, headers, upstream);
    } catch (error) {
      upstream.destroy();
      this.fault(error);
    }
  }

  #join(status: number, headers: IncomingHttpHeaders, upstream: Duplex): void {
    const { context, incoming, call, state } = this.#options;
    const { socket, head, request } = incoming;
    if (this.#attempt.isOver) {
      upstream.destroy();
      return;
    }
    this.#answer(status, Phase.Tunnelling);
    this.#stopWatching();
    const protocol = String(headers.upgrade ?? request.headers.upgrade);
    const flat = toClientHeaders(headers, call.own, status);
    const lines = writeHead(status, [...flat, "Connection", "Upgrade", "Upgrade", protocol]);
    socket.write(lines, "latin1");
    upstream.write(head);
    const tunnel = new Tunnel({
      ...{ client: socket, upstream, tunnels: context.tunnels, clock: context.clock },
      idleMs: state.timeouts.idleMs,
    });
    tunnel.start();
  }

  /** An answer that is no upgrade has the same limit of silence as other answers. */
  onResponseStart(_controller: CallControl, status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200 && !this.#attempt.isOver) {
      const { call, incoming } = this.#options;
      this.#answer(status, Phase.Answering);
      const flat = toClientHeaders(headers, call.own, status);
      incoming.socket.write(writeHead(status, [...flat, "Connection", "close"]), "latin1");
    }
  }

  onResponseData(controller: CallControl, chunk: Buffer): void {
    const { socket } = this.#options.incoming;
    this.#attempt.moved();
    if (!socket.write(chunk) && !this.#isUnread) {
      this.#isUnread = true;
      controller.pause();
      const resume = (): void => {
        try {
          this.#isUnread = false;
          this.#attempt.moved();
          controller.resume();
        } catch (error) {
          this.fault(error);
        }
      };
      socket.once("drain", resume);
    }
  }

  onResponseEnd(): void {
    const { socket } = this.#options.incoming;
    try {
      this.#stopWatching();
      socket.resume().end(guard(() => closeInTime(socket), cut(socket)));
    } catch (error) {
      this.fault(error);
    }
  }

  onResponseError(_controller: CallControl, error: Error): void {
    try {
      this.#attempt.failed(error);
    } catch (fault) {
      this.fault(fault);
    }
  }

  #answer(status: number, phase: Phase): void {
    this.#attempt.answered(status, phase);
    this.#limit(0);
  }

  /** Limits the time from now on, milliseconds; 0 is no limit. */
  #limit(limitMs: number): void {
    const { now } = this.#options.context.clock;
    this.#attempt.deadline = limitMs === 0 ? Infinity : now + limitMs;
  }
}

function cut(socket: Duplex): () => void {
  return () => void socket.destroy();
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
