/** Answers calls with a web-standard handler, `fetch(request)`; both bodies may stream. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { HOP_BY_HOP } from "../lib/hop-by-hop.ts";
import { type Call, CallError, type CallHandler, splitTarget } from "./call.ts";
import { type Answer, sendAnswer } from "./send-answer.ts";

/** The `fetch` of a module's default export. */
export type FetchFunction = (request: Request) => unknown;

/** Makes a call handler from a web-standard handler. */
export function answerFetch(handle: FetchFunction): CallHandler {
  return async (call) => {
    const answer: unknown = await handle(toRequest(call));
    if (!(answer instanceof Response)) {
      throw new TypeError(`fetch: expected a Response, got ${typeof answer}`);
    }
    await sendAnswer(call, toAnswer(answer));
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
  const { path, query } = splitTarget(request.url);
  const target = query === "" ? path : `${path}?${query}`;
  return new Request(`http://${request.headers.host ?? "localhost"}${target}`, init);
}

function hasBody({ method, headers }: IncomingMessage): boolean {
  const isDeclared =
    headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  return isDeclared && method !== "GET" && method !== "HEAD";
}

/** A Response as an answer. */
export function toAnswer({ status, headers, body, type }: Response): Answer {
  // What fetch has got is decoded already, though its headers speak of what came. Those of a
  // Response that a handler has made itself are true.
  const isDecoded = type !== "default" && headers.has("content-encoding");
  const dropped = new Set(["set-cookie", ...HOP_BY_HOP, ...(isDecoded ? ENCODED : [])]);
  const passed = [...headers].filter(([name]) => !dropped.has(name));
  const cookies = headers.getSetCookie();
  return {
    status,
    headers: cookies.length > 0 ? [...passed, ["set-cookie", cookies]] : passed,
    body: body === null ? "" : Readable.fromWeb(body),
  };
}

/** Headers about the body as it came. */
const ENCODED = ["content-encoding", "content-length"];
