/** Answers calls with a web-standard handler, `fetch(request)`; both bodies may stream. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Call, CallError, type CallHandler, setDuration } from "./call.ts";

/** The `fetch` of a module's default export. */
export type FetchFunction = (request: Request) => unknown;

/** Makes a call handler from a web-standard handler. */
export function answerFetch(handle: FetchFunction): CallHandler {
  return async (call) => {
    const answer: unknown = await handle(toRequest(call));
    if (!(answer instanceof Response)) {
      throw new TypeError(`fetch: expected a Response, got ${typeof answer}`);
    }
    await send(call, answer);
  };
}

function toRequest({ request, signal }: Call): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    for (const value of values ?? []) {
      headers.append(name, value);
    }
  }
  const method = request.method ?? "GET";
  // Request refuses these methods (https://fetch.spec.whatwg.org/#forbidden-method).
  if (method === "TRACE" || method === "CONNECT") {
    throw new CallError(405, "Method Not Allowed");
  }
  const init: RequestInit = { method, headers, signal };
  if (hasBody(request)) {
    init.body = Readable.toWeb(request);
    init.duplex = "half";
  }
  return new Request(`http://${request.headers.host ?? "localhost"}${toPath(request.url)}`, init);
}

function hasBody({ method, headers }: IncomingMessage): boolean {
  const isDeclared =
    headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return isDeclared && method !== "GET" && method !== "HEAD";
}

/** Path and query of a request target, which may also be an absolute URL, or `*`. */
function toPath(target = "/"): string {
  if (target.startsWith("/")) {
    return target;
  }
  const url = URL.parse(target);
  return url === null ? "/" : url.pathname + url.search;
}

async function send(call: Call, answer: Response): Promise<void> {
  const { response, request } = call;
  if (response.destroyed || response.headersSent) {
    await answer.body?.cancel();
    return;
  }
  writeHeaders(response, answer);
  setDuration(call);
  response.writeHead(answer.status);
  if (answer.body === null || request.method === "HEAD") {
    await answer.body?.cancel();
    response.end();
    return;
  }
  // Headers are sent at once, as the first chunk of a stream may come much later.
  response.flushHeaders();
  await pipeline(Readable.fromWeb(answer.body), response);
}

function writeHeaders(response: ServerResponse, answer: Response): void {
  for (const [name, value] of answer.headers) {
    if (name !== "set-cookie") {
      response.setHeader(name, value);
    }
  }
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) {
    response.setHeader("set-cookie", cookies);
  }
}
