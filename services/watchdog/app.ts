/** The watchdog's servers: calls, `/_/health` and `/_/ready` on one port, metrics on another. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { CALL_HEADER } from "../../contract/call-headers.ts";
import { parseDuration } from "../../contract/duration.ts";
import { closeServer, KEEP_ALIVE_MS, listen, watchConnections } from "../lib/servers.ts";
import { MAX_TIMER_MS } from "../lib/timer.ts";
import { type Call, CallError, type CallHandler, INTERNAL_HEADER } from "./call.ts";
import type { WatchdogConfig } from "./config.ts";
import { CallMetrics } from "./metrics.ts";

/** The settings that answering calls depends on. */
type WatchdogLimits = Pick<
  WatchdogConfig,
  "readTimeoutMs" | "stopTimeoutMs" | "execTimeoutMs" | "shutdownDelayMs" | "maxInflight"
>;

export interface WatchdogOptions {
  limits: WatchdogLimits;
  handler: CallHandler;
  /** Writes the watchdog's own log lines. */
  log: (line: string) => void;
}

/** The call exceeded its time limit: status 504 if no response has been sent. */
class TimeUpError extends CallError {
  constructor(milliseconds: number) {
    super(504, `Time-out: the function took longer than ${milliseconds / 1000}s`, true);
  }
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #metrics = new CallMetrics();
  readonly #calls: Server;
  readonly #metricsServer: Server;
  #isStopping = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    const { readTimeoutMs } = options.limits;
    const calls = createServer(
      {
        requestTimeout: readTimeoutMs,
        headersTimeout: Math.min(readTimeoutMs === 0 ? 10_000 : readTimeoutMs, 10_000),
        connectionsCheckingInterval: 5000,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      (request, response) => this.#dispatch(request, response),
    );
    this.#calls = watchConnections(calls);
    const exposed = { keepAliveTimeout: KEEP_ALIVE_MS };
    this.#metricsServer = createServer(exposed, (request, response) => {
      const isMetrics = request.url === "/metrics";
      response.writeHead(isMetrics ? 200 : 404, { "Content-Type": "text/plain; version=0.0.4" });
      response.end(isMetrics ? this.#metrics.expose() : "");
    });
  }

  /** Listens on both ports (0 selects a free one) and returns them. */
  async listen(port: number, metricsPort: number): Promise<{ port: number; metricsPort: number }> {
    return {
      metricsPort: await listen(this.#metricsServer, metricsPort),
      port: await listen(this.#calls, port),
    };
  }

  /**
   * Reports not ready at once, serves until `delay` resolves, then refuses connections and waits
   * for the calls in flight, at most for `stopTimeoutMs`. Returns whether all have ended.
   */
  async stop(delay: Promise<unknown>): Promise<boolean> {
    this.#isStopping = true;
    await delay;
    const closed = closeServer(this.#calls).then(() => true);
    const limit = sleep(this.#options.limits.stopTimeoutMs, false, { ref: false });
    const isDrained = await Promise.race([closed, limit]);
    this.#calls.closeAllConnections();
    this.#metricsServer.close();
    this.#metricsServer.closeAllConnections();
    return isDrained;
  }

  #dispatch(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url?.split("?", 1)[0];
    // A stopping server sends `Connection: close`, so that clients connect to another pod.
    response.shouldKeepAlive &&= !this.#isStopping;
    if (path === "/_/health") {
      this.#sendHealth(response, request.method);
    } else if (path === "/_/ready") {
      this.#sendReady(response);
    } else {
      void this.#call(request, response);
    }
  }

  #sendHealth(response: ServerResponse, method: string | undefined): void {
    if (method !== "GET") {
      sendText(response, 405, "Method Not Allowed");
    } else if (this.#isStopping) {
      sendText(response, 503, "stopping");
    } else {
      sendText(response, 200, "OK");
    }
  }

  #sendReady(response: ServerResponse): void {
    if (this.#isStopping) {
      sendText(response, 503, "stopping");
    } else if (this.#isFull()) {
      this.#refuse(response);
    } else {
      sendText(response, 200, "OK");
    }
  }

  #isFull(): boolean {
    const { maxInflight } = this.#options.limits;
    return maxInflight > 0 && this.#metrics.inFlight >= maxInflight;
  }

  #refuse(response: ServerResponse): void {
    const { maxInflight } = this.#options.limits;
    response.setHeader(INTERNAL_HEADER, "faas-middleware");
    sendText(
      response,
      429,
      `Concurrent request limit exceeded. Max concurrent requests: ${maxInflight}`,
    );
  }

  async #call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    if (this.#isFull()) {
      this.#refuse(response);
      return;
    }
    this.#metrics.start();
    const ending = new AbortController();
    const timer = this.#startTimer(request, ending);
    const call: Call = { request, response, startedAt, signal: ending.signal };
    response.once("close", () => {
      clearTimeout(timer);
      this.#finish(call);
      ending.abort(new CallError(499, "the caller went away"));
    });
    ending.signal.addEventListener("abort", () => fail(call, ending.signal.reason), { once: true });
    try {
      await this.#options.handler(call);
    } catch (error) {
      this.#logFailure(error);
      fail(call, error);
    }
  }

  #startTimer(request: IncomingMessage, ending: AbortController): NodeJS.Timeout | undefined {
    const limit = timeLimit(
      request.headersDistinct["x-timeout"]?.[0],
      this.#options.limits.execTimeoutMs,
    );
    return limit === 0 ? undefined : setTimeout(() => ending.abort(new TimeUpError(limit)), limit);
  }

  /** Logs the error for the function's author; the caller does not see stack traces. */
  #logFailure(error: unknown): void {
    if (error instanceof CallError) {
      this.#options.log(error.message);
    } else if (!isAbandonment(error)) {
      this.#options.log(error instanceof Error ? (error.stack ?? String(error)) : String(error));
    }
  }

  #finish({ request, response, startedAt }: Call): void {
    const seconds = (performance.now() - startedAt) / 1000;
    const method = request.method ?? "GET";
    // 499, as in nginx, for a caller that disconnected before the response.
    const code = response.headersSent ? response.statusCode : 499;
    this.#metrics.finish(code, method, seconds);
    const id = request.headers[CALL_HEADER.callId];
    const path = request.url?.split("?", 1)[0] ?? "/";
    this.#options.log(
      `${method} ${path} - ${code} - ${seconds.toFixed(4)}s` +
        (typeof id === "string" ? ` [${id}]` : ""),
    );
  }
}

/** Whether an error only means that the call was aborted by the caller or its time limit. */
function isAbandonment(error: unknown): boolean {
  const { name, code } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return name === "AbortError" || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ECONNRESET";
}

/**
 * The shorter of the configured limit and the caller's `X-Timeout`; 0 for no limit. The header
 * only shortens: 0, which would be none, and what is no duration count for nothing.
 */
export function timeLimit(asked: string | undefined, configured: number): number {
  const limits = [configured, readTimeout(asked)].filter((limit) => limit > 0);
  const limit = Math.min(...limits);
  return limit > MAX_TIMER_MS ? 0 : limit;
}

function readTimeout(asked = ""): number {
  try {
    return parseDuration(asked);
  } catch {
    return 0;
  }
}

/** Responds with the error, or closes the connection if the response has begun. */
function fail({ response }: Call, error: unknown): void {
  if (response.writableEnded || response.destroyed) {
    return;
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) {
    response.removeHeader(name);
  }
  // The rest of the request's body is not read, so the connection cannot be reused.
  response.setHeader("Connection", "close");
  if (!(error instanceof CallError)) {
    sendText(response, 500, "Internal Server Error");
    return;
  }
  if (error.isInternal) {
    response.setHeader(INTERNAL_HEADER, "of-watchdog");
  }
  sendText(response, error.status, error.message);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.statusCode = status;
  response.end(text);
}
