/** From a queued message to a call: parsed, checked, and rid of what belongs to one hop. */
import type { QueueMessage } from "../../contract/index.ts";
import { HOP_BY_HOP } from "../lib/hop-by-hop.ts";
import { VERSION } from "../lib/version.ts";

/** What the worker says it is, to functions and to callbacks. */
export const USER_AGENT = `plonk-queue-worker/${VERSION}`;

const NAME = /^[-a-zA-Z_0-9.]+$/;
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** One call, ready to be made. */
export interface QueuedCall {
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

/** A message that no attempt can make a call of. Its text names the part, never the content. */
export class MalformedMessageError extends Error {
  override name = "MalformedMessageError";
}

/** Reads a message; throws a MalformedMessageError. */
export function parseMessage(data: Uint8Array): QueuedCall {
  const message = parseJson(data);
  const { Function: functionName, Method: method = "POST", Header: header } = message;
  check(typeof functionName === "string" && NAME.test(functionName), "Function: expected a name");
  check(typeof method === "string" && METHOD.test(method), "Method: expected an HTTP method");
  check(isHeader(header), "Header: expected lists of strings");
  const path = message.Path ?? "";
  check(/^$|^\/[\x21-\xff]*$/.test(path), "Path: expected an absolute path");
  const query = message.QueryString ?? "";
  check(/^[\x21-\xff]*$/.test(query), "QueryString: expected a query");
  check(typeof (message.Body ?? "") === "string", "Body: expected base64");
  return {
    functionName,
    method,
    target: `/function/${functionName}${path}${query === "" ? "" : `?${query}`}`,
    headers: toHeaders(header),
    body: Buffer.from(message.Body ?? "", "base64"),
    callId: findHeader(header, "x-call-id") ?? "",
    callback: toCallback(message),
  };
}

function parseJson(data: Uint8Array): Partial<QueueMessage> & { Header: unknown } {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    check(typeof parsed === "object" && parsed !== null, "message: expected an object");
    const message = parsed as Partial<QueueMessage>;
    return { ...message, Header: message.Header ?? {} };
  } catch (error) {
    throw error instanceof MalformedMessageError
      ? error
      : new MalformedMessageError("message: expected JSON");
  }
}

function check(condition: boolean, expectation: string): asserts condition {
  if (!condition) {
    throw new MalformedMessageError(expectation);
  }
}

function isHeader(header: unknown): header is Record<string, string[]> {
  return (
    typeof header === "object" &&
    header !== null &&
    Object.values(header).every(
      (values) => Array.isArray(values) && values.every((value) => typeof value === "string"),
    )
  );
}

/** Of one hop (RFC 9110 §7.6.1), or set anew for each call. */
const DROPPED = new Set([
  ...HOP_BY_HOP,
  "host",
  "expect",
  "content-length",
  "user-agent",
  "x-start-time",
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

/** The callback's address out of Go's parts of a URL; only http and https are followed. */
function toCallback({ CallbackUrl: parts }: Partial<QueueMessage>): URL | undefined {
  if (parts === undefined || parts === null) {
    return undefined;
  }
  const { Scheme, Host, Path = "", RawQuery = "" } = parts;
  const url = URL.parse(`${Scheme}://${Host}`);
  check(
    url !== null &&
      /^https?:$/.test(url.protocol) &&
      url.pathname === "/" &&
      url.username === "" &&
      url.password === "",
    "CallbackUrl: expected an http or https URL",
  );
  url.pathname = Path;
  url.search = RawQuery;
  return url;
}
