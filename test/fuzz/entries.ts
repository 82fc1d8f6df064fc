/** The gateway's four entries, and which of them a request asks, by the strictest reading. */
import { mayLetIn } from "./corpus/credentials.ts";
import { type StrictRequest, tokensOf, valuesOf } from "./strict-request.ts";

/** Functions that exist. Two have names that plain objects have, too. */
export const FUNCTIONS = ["x", "y", "constructor", "prototype"];

/** The one of them that only callers with credentials may call. */
export const PRIVATE = "prototype";

export const ENTRIES = ["sync", "async", "upgrade", "REST", "other"] as const;
export type Entry = (typeof ENTRIES)[number];

/** A target without the origin that it may have. */
export function pathOf({ target }: Pick<StrictRequest, "target">): string {
  return target.replace(/^https?:\/\/[^/?]*/i, "");
}

/** A handshake of RFC 6455 that a gateway passes on. */
export function isHandshake(request: StrictRequest): boolean {
  return (
    request.method === "GET" &&
    valuesOf(request, "upgrade").join().toLowerCase() === "websocket" &&
    tokensOf(request, "connection").includes("upgrade")
  );
}

export function entryOf(request: StrictRequest): Entry {
  const [, prefix] =
    /^\/(function|async-function|system|async)(?:[/?]|$)/.exec(pathOf(request)) ?? [];
  if (prefix === "function") {
    return isHandshake(request) ? "upgrade" : "sync";
  }
  if (prefix === "async-function") {
    return "async";
  }
  return prefix === undefined ? "other" : "REST";
}

/** Whether a request has the administrator's credentials. */
export function isLetIn(request: StrictRequest): boolean {
  return valuesOf(request, "authorization").some(mayLetIn);
}

/** What a function, or the queue, sees of a request. */
export interface Expected {
  name: string;
  method: string;
  /** Behind the function's name. */
  rest: string;
  /** With its question mark. */
  query: string;
}

function split(prefix: string, request: StrictRequest): Expected | undefined {
  const [, found, segment = "", rest = "", query = ""] =
    /^\/(function|async-function)\/([-\w.]+)(\/[^?]*)?(\?.*)?$/.exec(pathOf(request)) ?? [];
  const name = segment.replace(/\.openfaas-fn$/, "");
  const isAllowed = name !== PRIVATE || isLetIn(request);
  return found === prefix && isAllowed ? { name, method: request.method, rest, query } : undefined;
}

/** What a function sees of a request that calls one, and may. */
export function toExpectedCall(
  request: StrictRequest,
): { method: string; target: string } | undefined {
  const call = split("function", request);
  return call !== undefined && FUNCTIONS.includes(call.name)
    ? { method: call.method, target: `${call.rest || "/"}${call.query}` }
    : undefined;
}

/** What the queue gets of a request that calls a function asynchronously, and may. */
export function toExpectedMessage(request: StrictRequest): Expected | undefined {
  return split("async-function", request);
}
