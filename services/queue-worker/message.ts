/** From a queued call to one that is ready to be made: rid of what belongs to one hop. */
import { CALL_HEADER, HTTP_TOKEN, isMatch } from "../../contract/index.ts";
import { decodeCall, MalformedMessageError } from "../../contract/queue/index.ts";
import { HOP_BY_HOP, listedInConnection } from "../lib/hop-by-hop.ts";
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
  const { functionName, method, path, query, body, callback, ...queued } = decodeCall(data);
  const headers = toHeaders(queued.headers);
  return {
    functionName,
    method,
    target: toTarget(`/function/${functionName}${path}${query === "" ? "" : `?${query}`}`),
    headers,
    body,
    callId: findHeader(headers, CALL_HEADER.callId)[0] ?? "",
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

/** As it was queued; letters beyond ASCII are written as in a URL. */
function toTarget(text: string): string {
  return text.replaceAll(/[^!-~]/g, encodeURIComponent);
}

function toHeaders(header: Record<string, string[]>): Record<string, string[]> {
  const listed = listedInConnection(findHeader(header, "connection").join());
  const kept = Object.entries(header)
    .filter(([name]) => !DROPPED.has(name.toLowerCase()) && !listed?.has(name.toLowerCase()))
    .map(([name, values]): [string, string[]] => [name, values.map(toFieldValue)]);
  if (!kept.every(isField)) {
    const expected = "names and values that HTTP knows";
    throw new MalformedMessageError([{ field: "Header", expected, got: "another" }]);
  }
  return { ...Object.fromEntries(kept), "User-Agent": [USER_AGENT] };
}

/** Go writes a value's bytes as UTF-8; a letter stands for a byte only where all of them can. */
function toFieldValue(value: string): string {
  return /[\u0100-\uffff]/.test(value) ? Buffer.from(value).toString("latin1") : value;
}

/** A name and values that can be sent (RFC 9110 §5.1, §5.5). */
function isField([name, values]: [string, string[]]): boolean {
  return (
    isMatch(HTTP_TOKEN, name) && values.every((value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value))
  );
}

function findHeader(header: Record<string, string[]>, wanted: string): string[] {
  return Object.entries(header)
    .filter(([name]) => name.toLowerCase() === wanted)
    .flatMap(([, values]) => values);
}
