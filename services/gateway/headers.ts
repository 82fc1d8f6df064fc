/** Which headers pass the gateway, in both directions (RFC 9110 §7.6.1). */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { HOP_BY_HOP } from "../lib/hop-by-hop.ts";

/** Lower-case names that the `Connection` header lists; they end at this hop, too. */
export function listedInConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined) {
    return undefined;
  }
  const names = connection.toLowerCase().split(",");
  const listed = new Set(names.map((name) => name.trim()).filter((name) => name !== ""));
  listed.delete("keep-alive");
  listed.delete("close");
  return listed.size === 0 ? undefined : listed;
}

/** What the gateway itself says about a call. */
export interface CallHeaders {
  callId: string;
  /** Unix nanoseconds, decimal. */
  startTime: string;
}

const MAX_CALL_ID_LENGTH = 256;

/** The caller's X-Call-Id where there is a usable one. */
export function callIdOf(headers: IncomingHttpHeaders): string | undefined {
  const id = headers["x-call-id"];
  return typeof id === "string" && id !== "" && id.length <= MAX_CALL_ID_LENGTH ? id : undefined;
}

/** Set by the gateway, so the caller's values do not pass. */
const REPLACED = new Set(["host", "expect", "x-call-id", "x-start-time"]);

/**
 * Headers for the function, flat (name, value, name, value): the caller's in their order, without
 * hop-by-hop ones, with X-Call-Id, X-Start-Time and, where they are missing, X-Forwarded-*.
 */
export function toUpstreamHeaders(request: IncomingMessage, call: CallHeaders): string[] {
  const { rawHeaders, headers } = request;
  const listed = listedInConnection(headers.connection);
  const result: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !REPLACED.has(lower) && listed?.has(lower) !== true) {
      result.push(name, rawHeaders[index + 1] ?? "");
    }
  }
  result.push("X-Call-Id", call.callId, "X-Start-Time", call.startTime);
  addForwarded(result, request);
  return result;
}

function addForwarded(result: string[], { headers, socket }: IncomingMessage): void {
  if (headers["x-forwarded-host"] === undefined && headers.host !== undefined) {
    result.push("X-Forwarded-Host", headers.host);
  }
  if (headers["x-forwarded-for"] === undefined && socket.remoteAddress !== undefined) {
    const { remoteAddress, remotePort } = socket;
    const address = remoteAddress.startsWith("::ffff:") ? remoteAddress.slice(7) : remoteAddress;
    const host = address.includes(":") ? `[${address}]` : address;
    result.push("X-Forwarded-For", `${host}:${remotePort ?? 0}`);
  }
  if (headers["x-forwarded-proto"] === undefined) {
    result.push("X-Forwarded-Proto", "http");
  }
}

/**
 * Headers for the caller, flat: the function's without hop-by-hop ones, and what the gateway says
 * about the call.
 */
export function toClientHeaders(headers: IncomingHttpHeaders, own: readonly string[]): string[] {
  const listed = listedInConnection(headers.connection);
  const result: string[] = [];
  for (const name of Object.keys(headers)) {
    if (HOP_BY_HOP.has(name) || OWN.has(name) || listed?.has(name) === true) {
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

const OWN = new Set(["x-call-id", "x-start-time", "x-served-by"]);

/** Go's canonical form of a header name, e.g. `X-Call-Id`: queued messages are keyed by it. */
export function toCanonicalName(name: string): string {
  return name.toLowerCase().replace(/(?:^|-)[a-z]/g, (match) => match.toUpperCase());
}

/** Headers for a queued call: canonical names, lists of values, no hop-by-hop ones. */
export function toQueuedHeaders(
  request: IncomingMessage,
  call: CallHeaders,
): Record<string, string[]> {
  const flat = toUpstreamHeaders(request, call);
  const result: Record<string, string[]> = {};
  for (let index = 0; index < flat.length; index += 2) {
    const name = toCanonicalName(flat[index] ?? "");
    (result[name] ??= []).push(flat[index + 1] ?? "");
  }
  return result;
}
