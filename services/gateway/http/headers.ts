/** Which headers pass the gateway, in both directions (RFC 9110 §7.6.1). */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { CALL_HEADER, toCanonicalName } from "../../../contract/index.ts";
import { HOP_BY_HOP, listedInConnection } from "../../lib/hop-by-hop.ts";
import { rememberByName } from "./known-names.ts";
import type { Peer } from "./trusted-peers.ts";

/** What the gateway itself says about a call. */
export interface CallHeaders {
  callId: string;
  /** Unix nanoseconds, decimal. */
  startTime: string;
}

/** Ids end up in logs and headers of others, so they are short and visible. */
const CALL_ID = /^[!-~]{1,256}$/;

/** The caller's X-Call-Id where there is a usable one. */
export function callIdOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers[CALL_HEADER.callId];
  return typeof id === "string" && CALL_ID.test(id) ? id : undefined;
}

/** Set by the gateway, so the caller's values do not pass. */
const REPLACED = new Set<string>([
  "host",
  "expect",
  CALL_HEADER.callId,
  CALL_HEADER.startTime,
  "x-forwarded-for",
  // Between queue and gateway alone; the gateway makes the one, and the worker the other.
  CALL_HEADER.admitted,
  CALL_HEADER.queued,
]);

/** To functions that read headers from variables it would be HTTP_PROXY, the way to go out. */
const DANGEROUS = "proxy";

/** What proxies say about the caller; only those that are trusted may. */
const FORWARDED = /^(?:forwarded|x-real-ip|x-forwarded-.*)$/;

type HeaderPolicy = "pass" | "drop" | "pass if trusted";

const policyOf = rememberByName((name): HeaderPolicy => {
  // To functions that read headers from environment variables, `X_Real_Ip` is `X-Real-Ip`.
  const plain = name.toLowerCase().replaceAll("_", "-");
  const isDropped = HOP_BY_HOP.has(plain) || REPLACED.has(plain) || plain === DANGEROUS;
  return isDropped ? "drop" : FORWARDED.test(plain) ? "pass if trusted" : "pass";
});

/**
 * Headers for the function, flat (name, value, name, value): the caller's in their order, without
 * hop-by-hop ones, with X-Call-Id, X-Start-Time and X-Forwarded-*. What a caller says in those and
 * in Forwarded counts only from trusted proxies, to whose X-Forwarded-For the peer is added.
 */
export function toUpstreamHeaders(
  { rawHeaders, headers }: Pick<IncomingMessage, "rawHeaders" | "headers">,
  call: CallHeaders,
  peer: Peer,
): string[] {
  const listed = listedInConnection(headers.connection);
  const result: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const policy = policyOf(name);
    const passes = policy === "pass" || (policy === "pass if trusted" && peer.isTrusted);
    if (passes && listed?.has(name.toLowerCase()) !== true) {
      result.push(name, rawHeaders[index + 1] ?? "");
    }
  }
  result.push("X-Call-Id", call.callId, "X-Start-Time", call.startTime);
  addForwarded(result, headers, peer);
  return result;
}

function addForwarded(result: string[], headers: IncomingHttpHeaders, peer: Peer): void {
  const { isTrusted, forwardedFor } = peer;
  const before = isTrusted ? headers["x-forwarded-for"] : undefined;
  result.push(
    "X-Forwarded-For",
    typeof before === "string" ? `${before}, ${forwardedFor}` : forwardedFor,
  );
  if (headers.host !== undefined && !(isTrusted && "x-forwarded-host" in headers)) {
    result.push("X-Forwarded-Host", headers.host);
  }
  if (!(isTrusted && "x-forwarded-proto" in headers)) {
    result.push("X-Forwarded-Proto", "http");
  }
}

/**
 * Headers for the caller, flat: the function's without hop-by-hop ones, and what the gateway says
 * about the call.
 * @param status - 204 has no length (RFC 9110 §8.6)
 */
export function toClientHeaders(
  headers: IncomingHttpHeaders,
  own: readonly string[],
  status: number,
): string[] {
  const listed = listedInConnection(headers.connection);
  const result: string[] = [];
  for (const name of Object.keys(headers)) {
    if (!passesToClient(name, status) || listed?.has(name) === true) {
      continue;
    }
    const value = headers[name];
    if (typeof value === "string") {
      result.push(name, value);
    } else {
      for (const item of value ?? []) {
        result.push(name, item);
      }
    }
  }
  result.push(...own);
  return result;
}

/** The type of an answer for which the function names none: that of its request, or text. */
export function toMissingType(
  asked: IncomingHttpHeaders,
  answered: IncomingHttpHeaders,
  status: number,
): string[] {
  const hasNone = answered["content-type"] === undefined && status !== 204 && status !== 304;
  return hasNone ? ["Content-Type", asked["content-type"] ?? "text/plain; charset=utf-8"] : [];
}

function passesToClient(name: string, status: number): boolean {
  return !(HOP_BY_HOP.has(name) || OWN.has(name) || (status === 204 && name === "content-length"));
}

const OWN = new Set<string>([
  CALL_HEADER.callId,
  CALL_HEADER.startTime,
  CALL_HEADER.failureCode,
  "x-served-by",
]);

/** Up to here it is cheaper to copy a body behind its head than to give the system two pieces. */
const MAX_SMALL_BYTES = 4096;

/** Length of a small body by its headers; -1 for others, and where nobody knows. */
export function toSmallLength({ "content-length": length }: IncomingHttpHeaders): number {
  const bytes = Number(length ?? -1);
  return bytes <= MAX_SMALL_BYTES ? bytes : -1;
}

/** Headers for a queued call: canonical names, lists of values, no hop-by-hop ones. */
export function toQueuedHeaders(
  request: IncomingMessage,
  call: CallHeaders,
  peer: Peer,
): Record<string, string[]> {
  const flat = toUpstreamHeaders(request, call, peer);
  // Callers choose the names, and `__proto__` is one.
  const result = Object.create(null) as Record<string, string[]>;
  for (let index = 0; index < flat.length; index += 2) {
    const name = toCanonicalName(flat[index] ?? "");
    (result[name] ??= []).push(flat[index + 1] ?? "");
  }
  return result;
}

/** Takes a header away in both forms in which Node shows them. @param name - in lower case */
export function removeHeader(
  { rawHeaders, headers }: Pick<IncomingMessage, "rawHeaders" | "headers">,
  name: string,
): void {
  for (let index = rawHeaders.length - 2; index >= 0; index -= 2) {
    if (rawHeaders[index]?.toLowerCase() === name) {
      rawHeaders.splice(index, 2);
    }
  }
  Reflect.deleteProperty(headers, name);
}
