/** Protocol upgrades (WebSocket): two sockets joined once the function has agreed. */
import { STATUS_CODES, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Dispatcher } from "undici";
import { beginCall, type Call } from "./call.ts";
import { toClientHeaders, toUpstreamHeaders } from "./headers.ts";
import { findFailure, type InvokeContext } from "./invoke.ts";
import { splitName, toDisplayName, toKey, type FunctionReference } from "./names.ts";
import { cleanPath, PREFIX, splitFunctionPath, splitTarget } from "./paths.ts";
import type { Pod } from "./pod.ts";
import { toFailure } from "./upstream-error.ts";

export interface UpgradeRequest {
  request: IncomingMessage;
  socket: Duplex;
  /** What the caller has already sent in the new protocol. */
  head: Buffer;
}

/** Passes an upgrade to a function; everything else than a function is refused. */
export function upgrade(context: InvokeContext, incoming: UpgradeRequest): void {
  const { request, socket } = incoming;
  socket.on("error", () => socket.destroy());
  const target = splitTarget(request.url ?? "/");
  const split = target === undefined ? undefined : readFunctionPath(target.path);
  if (target === undefined || split === undefined) {
    refuse(socket, 404);
    return;
  }
  const reference = splitName(split.segment, context.functionNamespace);
  const failure = findFailure(context.functions, reference);
  if (failure !== undefined) {
    refuse(socket, failure.status);
    return;
  }
  const path = `${split.rest === "" ? "/" : split.rest}${target.query}`;
  void join({ context, incoming, reference, path });
}

function readFunctionPath(path: string): ReturnType<typeof splitFunctionPath> {
  return path.startsWith(PREFIX.sync) && cleanPath(path) === path
    ? splitFunctionPath(path, PREFIX.sync)
    : undefined;
}

interface Join {
  context: InvokeContext;
  incoming: UpgradeRequest;
  reference: FunctionReference;
  path: string;
}

async function join({ context, incoming, reference, path }: Join): Promise<void> {
  const { request, socket } = incoming;
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  if (!context.endpoints.has(toKey(reference))) {
    const failure = await context.coldStarts.wait(reference, gone.signal);
    if (failure !== undefined) {
      refuse(socket, failure.status);
      return;
    }
  }
  const pod = context.endpoints.pick(toKey(reference));
  if (pod === undefined || gone.signal.aborted) {
    refuse(socket, 503);
    return;
  }
  const call = beginCall(request);
  const functionName = toDisplayName(reference);
  context.metrics.start(functionName);
  pod.inFlight += 1;
  pod.pool.dispatch(
    {
      path,
      method: "GET",
      headers: toUpstreamHeaders(request, call),
      upgrade: request.headers.upgrade ?? "websocket",
      headersTimeout: context.upstreamTimeoutMs,
    },
    new UpgradeHandler({ context, incoming, call, pod, functionName }),
  );
}

type UpgradeArguments = Parameters<NonNullable<Dispatcher.DispatchHandler["onRequestUpgrade"]>>;

interface UpgradeHandlerOptions {
  context: InvokeContext;
  incoming: UpgradeRequest;
  call: Call;
  pod: Pod;
  functionName: string;
}

class UpgradeHandler implements Dispatcher.DispatchHandler {
  readonly #options: UpgradeHandlerOptions;
  #isEnded = false;

  constructor(options: UpgradeHandlerOptions) {
    this.#options = options;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { socket } = this.#options.incoming;
    if (socket.destroyed) {
      controller.abort(new Error("client gone"));
    }
  }

  onRequestUpgrade(...[, status, headers, upstream]: UpgradeArguments): void {
    const { incoming } = this.#options;
    const { socket, head } = incoming;
    const protocol = String(headers["upgrade"] ?? incoming.request.headers.upgrade);
    upstream.on("error", () => upstream.destroy());
    socket.write(toHead(status, this.#toHeaders(headers, protocol)));
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    socket.once("close", () => upstream.destroy());
    upstream.once("close", () => {
      socket.destroy();
      this.#end(status);
    });
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status >= 200) {
      const { socket } = this.#options.incoming;
      socket.write(toHead(status, this.#toHeaders(headers, undefined)));
      this.#end(status);
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#options.incoming.socket.write(chunk);
  }

  onResponseEnd(): void {
    this.#options.incoming.socket.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const { incoming, functionName } = this.#options;
    const { status } = toFailure(error, functionName);
    if (!this.#isEnded) {
      refuse(incoming.socket, status);
    }
    incoming.socket.destroy();
    this.#end(status);
  }

  #toHeaders(headers: IncomingHttpHeaders, protocol: string | undefined): string[] {
    const flat = toClientHeaders(headers, this.#options.call.own);
    return protocol === undefined
      ? [...flat, "Connection", "close"]
      : [...flat, "Connection", "Upgrade", "Upgrade", protocol];
  }

  #end(status: number): void {
    if (!this.#isEnded) {
      this.#isEnded = true;
      const { context, pod, call, functionName } = this.#options;
      pod.inFlight -= 1;
      const seconds = (performance.now() - call.startedAt) / 1000;
      context.metrics.end(functionName, status, seconds);
    }
  }
}

function toHead(status: number, headers: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Unknown"}`];
  for (let index = 0; index < headers.length; index += 2) {
    lines.push(`${headers[index] ?? ""}: ${headers[index + 1] ?? ""}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function refuse(socket: Duplex, status: number): void {
  if (socket.writable) {
    socket.end(toHead(status, ["Content-Length", "0", "Connection", "close"]));
  }
}
