/** The messages of other OpenFaaS publishers: Go's JSON, as calls. */
import { type Finding, quote, toText } from "../finding.ts";
import { type FunctionReference, splitName } from "../function-reference.ts";
import { findSchemaMistakes } from "../schema-findings.ts";
import { BODY_EXPECTATION, QueueMessage } from "./message.ts";

/** Where a call goes and what it carries beside its body. */
export interface CallTarget {
  reference: FunctionReference;
  /** The function's name as its caller wrote it, which callbacks tell; undefined: in full. */
  calledAs?: string;
  method: string;
  /** What follows the name, as it was sent; empty or beginning with a slash. */
  path: string;
  /** Without its question mark; empty where there is none. */
  query: string;
  host: string | undefined;
  /** Lists of values by canonical names. */
  headers: Record<string, string[]>;
  /** Where the answer is to be sent: http or https, without credentials and fragment. */
  callback: URL | undefined;
}

/** A call of another publisher's. */
export interface ForeignCall extends CallTarget {
  body: Buffer;
}

/**
 * A message that no attempt can make a call of. Its text names the field, and shows of callers'
 * data nothing but the function's name and the method.
 */
export class MalformedMessageError extends Error {
  override name = "MalformedMessageError";
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    super(findings.map(toText).join("; "));
    this.findings = findings;
  }
}

/**
 * Reads a message of another OpenFaaS publisher's; throws a MalformedMessageError.
 *
 * @param functionNamespace where a function without a namespace in its name is
 */
export function decodeForeignCall(data: Uint8Array, functionNamespace: string): ForeignCall {
  const message = dropNulls(parseJson(data));
  check(message);
  return {
    reference: splitName(message.Function, functionNamespace),
    calledAs: message.Function,
    method: message.Method ?? "POST",
    path: message.Path ?? "",
    query: message.QueryString ?? "",
    host: message.Host,
    headers: message.Header ?? {},
    body: toBody(message.Body ?? ""),
    callback: toCallback(message),
  };
}

/** Values of these are no secrets: they are in the URL's path and in every log. */
const SHOWN: readonly string[] = ["Function", "Method"];

function check(message: unknown): asserts message is QueueMessage {
  const findings = findSchemaMistakes(QueueMessage, message, {
    root: "message",
    isShown: ([field = ""]) => SHOWN.includes(field),
  });
  if (findings.length > 0) {
    throw new MalformedMessageError(findings);
  }
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString("utf8"));
  } catch {
    const got = `${data.length} other bytes`;
    throw new MalformedMessageError([{ field: "message", expected: "JSON", got }]);
  }
}

/** The bytes of standard base64 (RFC 4648 §4). */
function toBody(text: string): Buffer {
  const body = Buffer.from(text, "base64");
  // Node passes over what is no base64, so that such a text gives too few bytes.
  const padding = /={0,2}$/.exec(text.slice(-2))?.[0].length ?? 0;
  if (body.length !== (text.length * 3) / 4 - padding) {
    throw new MalformedMessageError([
      { field: "Body", expected: BODY_EXPECTATION, got: "a string" },
    ]);
  }
  return body;
}

/** Go writes what is not there as null: an empty map, an empty list, no pointer. */
function dropNulls(message: unknown): unknown {
  return typeof message !== "object" || message === null || Array.isArray(message)
    ? message
    : Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
}

/** The callback's address out of Go's parts of a URL; only http and https are followed. */
function toCallback({ CallbackUrl: parts }: QueueMessage): URL | undefined {
  if (parts === undefined) {
    return undefined;
  }
  const url = URL.parse(`${parts.Scheme}://${parts.Host}`);
  const isUsable =
    url !== null &&
    isCallback(url) &&
    // A host of `a/b` or `a?b` would be more than a host.
    url.pathname === "/" &&
    url.search === "";
  if (!isUsable) {
    const expected = `${CALLBACK_EXPECTATION} in its parts`;
    const got = /^\w{1,10}$/.test(parts.Scheme) ? `another of ${quote(parts.Scheme)}` : "another";
    throw new MalformedMessageError([{ field: "CallbackUrl", expected, got }]);
  }
  url.pathname = parts.Path ?? "";
  url.search = parts.RawQuery ?? "";
  return url;
}

/** What callbacks may be, for errors. */
export const CALLBACK_EXPECTATION = "an http or https URL without credentials";

/** Whether answers may be sent there; credentials inside a URL would end up in logs. */
export function isCallback({ protocol, username, password }: URL): boolean {
  return /^https?:$/.test(protocol) && username === "" && password === "";
}
