/** From a queued call to one that is ready to be made: rid of what belongs to one hop. */
import { CALL_HEADER } from "../../contract/index.ts";
import { decodeCall } from "../../contract/queue/index.ts";
import { HOP_BY_HOP } from "../lib/hop-by-hop.ts";
import { VERSION } from "../lib/version.ts";

/** What the worker says it is, to functions and to callbacks. */
export const USER_AGENT = `plonk-queue-worker/${VERSION}`;

/** One call, ready to be made. */
export interface FunctionCall {
  /** As it was queued, `name` or `name.namespace`. */
  functionName: string;
  method: string;
  /** Path and query on the gateway. */
  target: string;
  headers: Record<string, string[]>;
  body: Buffer;
  callId: string;
  callback: URL | undefined;
}

/** Reads a message; throws a MalformedMessageError. */
export function parseMessage(data: Uint8Array): FunctionCall {
  const { functionName, method, path, query, headers, body, callback } = decodeCall(data);
  return {
    functionName,
    method,
    target: `/function/${functionName}${path}${query === "" ? "" : `?${query}`}`,
    headers: toHeaders(headers),
    body,
    callId: findHeader(headers, CALL_HEADER.callId) ?? "",
    callback,
  };
}

/** Of one hop (RFC 9110 §7.6.1), or set anew for each call. */
const DROPPED = new Set<string>([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "content-length",
  "user-agent",
  CALL_HEADER.startTime,
]);

function toHeaders(header: Record<string, string[]>): Record<string, string[]> {
  const listed = (findHeader(header, "connection") ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase());
  const kept = Object.entries(header).filter(([name]) => {
    const lower = name.toLowerCase();
    return !DROPPED.has(lower) && !listed.includes(lower);
  });
  return { ...Object.fromEntries(kept), "User-Agent": [USER_AGENT] };
}

function findHeader(header: Record<string, string[]>, wanted: string): string | undefined {
  return Object.entries(header).find(([name]) => name.toLowerCase() === wanted)?.[1][0];
}
