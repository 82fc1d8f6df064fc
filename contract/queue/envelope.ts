/**
 * An asynchronous call as the platform's own messages have it: what belongs to the call as NATS
 * headers, the caller's headers with `Http-` before their names, the body's bytes as the payload.
 */
import { type Static, Type } from "typebox";
import { DNS_LABEL, FUNCTION_SEGMENT, HTTP_TOKEN, isMatch } from "../grammar.ts";
import { findSchemaMistakes } from "../schema-findings.ts";
import {
  CALLBACK_EXPECTATION,
  type CallTarget,
  isCallback,
  MalformedMessageError,
} from "./foreign-call.ts";
import { CALLBACK_PROOF } from "./queued-request.ts";
import { parseRetryPolicy, type RetryPolicy, writeRetryPolicy } from "./retry-policy.ts";

/** A body in the object store. */
export interface StoredBody {
  name: string;
  bytes: number;
}

/** A call, between the caller's request and the worker's. */
export interface QueuedCall extends CallTarget {
  /** The part of its id that nobody guesses. */
  nonce: string;
  /** Unix milliseconds. */
  acceptedAt: number;
  /** Not to be run earlier, Unix milliseconds. */
  notBefore?: number;
  /** Not to be begun later, Unix milliseconds. */
  expiresAt?: number;
  /** Lets the callback call a private function, see `CallbackProof`. */
  callbackProof?: string;
  /** How long its answer is kept for who asks for it, seconds; undefined: it is not. */
  keepResultSeconds?: number;
  /**
   * When it was accepted, its function had no limit for runs. Others have one, which the gateway
   * keeps, or come from other publishers, who do not know.
   */
  isUnlimited?: true;
  /** What its function says of repetitions. */
  retry: Partial<RetryPolicy>;
  body: Buffer | StoredBody;
}

/** Fields of a message, as NATS' headers are: names may repeat. */
export type Fields = [name: string, value: string][];

/** What precedes the names: without it a caller's header could speak to NATS itself. */
const PREFIX = {
  ours: "Plonk-",
  http: "Http-",
  /** The value is in base64: NATS' readers take blanks off both ends, and NBSP is one. */
  ours64: "Plonk64-",
  http64: "Http64-",
} as const;

const WHOLE = "^[0-9]{1,15}$";

/** Value of a header (RFC 9110 §5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Names of the fields, and what they hold. */
const Head = Type.Object({
  "Plonk-Nonce": Type.String({ pattern: "^[A-Za-z0-9_-]{16}$", description: "16 characters" }),
  "Plonk-Function": Type.String({ pattern: DNS_LABEL, description: "a name" }),
  "Plonk-Namespace": Type.String({ pattern: DNS_LABEL, description: "a namespace" }),
  "Plonk-Called-As": Type.Optional(
    Type.String({ pattern: FUNCTION_SEGMENT, description: "a name" }),
  ),
  "Plonk-Accepted": Type.String({ pattern: WHOLE, description: "Unix milliseconds" }),
  "Plonk-Method": Type.String({ pattern: HTTP_TOKEN, description: "an HTTP method" }),
  "Plonk-Path": Type.Optional(
    Type.String({
      pattern: "^(/[\\x21-\\xff]*)?$",
      description: "an absolute path without blanks",
    }),
  ),
  "Plonk-Query": Type.Optional(
    Type.String({ pattern: "^[\\x21-\\xff]*$", description: "a query without blanks" }),
  ),
  "Plonk-Host": Type.Optional(
    Type.String({ pattern: FIELD_VALUE.source, description: "a value that HTTP knows" }),
  ),
  "Plonk-Callback": Type.Optional(Type.String()),
  "Plonk-Callback-Proof": Type.Optional(
    Type.String({ pattern: CALLBACK_PROOF, description: "a gateway's mark" }),
  ),
  "Plonk-Not-Before": Type.Optional(
    Type.String({ pattern: WHOLE, description: "Unix milliseconds" }),
  ),
  "Plonk-Expires": Type.Optional(Type.String({ pattern: WHOLE, description: "Unix milliseconds" })),
  "Plonk-Keep-Result": Type.Optional(
    Type.String({ pattern: "^[0-9]{1,9}$", description: "seconds" }),
  ),
  "Plonk-Unlimited": Type.Optional(Type.String({ pattern: "^true$", description: "true" })),
  "Plonk-Retry": Type.Optional(Type.String()),
  "Plonk-Body": Type.Optional(
    Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$", description: "a name in the object store" }),
  ),
  "Plonk-Body-Bytes": Type.Optional(Type.String({ pattern: WHOLE, description: "bytes" })),
});
type Head = Static<typeof Head>;

/** Writes a call; throws a MalformedMessageError for what is no call. */
export function encodeCall(call: QueuedCall): { fields: Fields; payload: Uint8Array } {
  const { body, reference, callback } = call;
  const head: Head = {
    ...toOptionalHead(call),
    "Plonk-Nonce": call.nonce,
    "Plonk-Function": reference.name,
    "Plonk-Namespace": reference.namespace,
    "Plonk-Accepted": String(call.acceptedAt),
    "Plonk-Method": call.method,
    ...(call.path !== "" && { "Plonk-Path": call.path }),
    ...(call.query !== "" && { "Plonk-Query": call.query }),
    ...(callback !== undefined && { "Plonk-Callback": callback.href }),
    ...(Object.keys(call.retry).length > 0 && { "Plonk-Retry": writeRetryPolicy(call.retry) }),
    ...toBodyHead(body),
  };
  check(head);
  toCallback(head);
  const fields = [...toOwnFields(head), ...toHttpFields(call.headers)];
  return { fields, payload: toPayload(body) };
}

/** What a message says of a body that is not in it. */
export function toBodyHead(body: Buffer | StoredBody): Record<string, string> {
  return Buffer.isBuffer(body)
    ? {}
    : { "Plonk-Body": body.name, "Plonk-Body-Bytes": String(body.bytes) };
}

export function toPayload(body: Buffer | StoredBody): Uint8Array {
  return Buffer.isBuffer(body) ? body : new Uint8Array();
}

/** The body that a message has, or says where it is. */
export function readBody(
  head: Readonly<Record<string, string | undefined>>,
  payload: Uint8Array,
): Buffer | StoredBody {
  const { "Plonk-Body": name, "Plonk-Body-Bytes": bytes = 0 } = head;
  return name === undefined
    ? Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    : { name, bytes: Number(bytes) };
}

function toOptionalHead(call: QueuedCall): Partial<Head> {
  const { calledAs, host, notBefore, expiresAt, callbackProof, keepResultSeconds } = call;
  return {
    ...(call.isUnlimited && { "Plonk-Unlimited": "true" }),
    ...(callbackProof !== undefined && { "Plonk-Callback-Proof": callbackProof }),
    ...(calledAs !== undefined && { "Plonk-Called-As": calledAs }),
    ...(host !== undefined && { "Plonk-Host": host }),
    ...(notBefore !== undefined && { "Plonk-Not-Before": String(notBefore) }),
    ...(expiresAt !== undefined && { "Plonk-Expires": String(expiresAt) }),
    ...(keepResultSeconds !== undefined && { "Plonk-Keep-Result": String(keepResultSeconds) }),
  };
}

/** Reads a message of ours; throws a MalformedMessageError. */
export function decodeCall(fields: Iterable<[string, string[]]>, payload: Uint8Array): QueuedCall {
  const { head, headers } = readFields(fields);
  check(head);
  const notBefore = toNumber(head["Plonk-Not-Before"]);
  const expiresAt = toNumber(head["Plonk-Expires"]);
  const keepResultSeconds = toNumber(head["Plonk-Keep-Result"]);
  const calledAs = head["Plonk-Called-As"];
  const callbackProof = head["Plonk-Callback-Proof"];
  return {
    nonce: head["Plonk-Nonce"],
    reference: { name: head["Plonk-Function"], namespace: head["Plonk-Namespace"] },
    ...(calledAs !== undefined && { calledAs }),
    acceptedAt: Number(head["Plonk-Accepted"]),
    method: head["Plonk-Method"],
    path: head["Plonk-Path"] ?? "",
    query: head["Plonk-Query"] ?? "",
    host: head["Plonk-Host"],
    headers,
    callback: toCallback(head),
    ...(callbackProof !== undefined && { callbackProof }),
    ...(head["Plonk-Unlimited"] !== undefined && { isUnlimited: true }),
    retry: parseRetryPolicy(head["Plonk-Retry"] ?? ""),
    ...(notBefore !== undefined && { notBefore }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(keepResultSeconds !== undefined && { keepResultSeconds }),
    body: readBody(head, payload),
  };
}

/** Fields of the platform's own, each named `Plonk-…`. */
export function toOwnFields(head: Readonly<Record<string, string>>): Fields {
  return Object.entries(head).flatMap(([name, value]) => {
    const prefix = isTrim(value) ? PREFIX.ours : PREFIX.ours64;
    return toFields(prefix, name.slice(PREFIX.ours.length), [value]);
  });
}

/** HTTP headers as fields of a message. */
export function toHttpFields(headers: Readonly<Record<string, readonly string[]>>): Fields {
  return Object.entries(headers).flatMap(([name, values]) => {
    if (!isMatch(HTTP_TOKEN, name) || !values.every((value) => FIELD_VALUE.test(value))) {
      const expected = "names and values that HTTP knows";
      throw new MalformedMessageError([{ field: "Header", expected, got: "another" }]);
    }
    // All of a name in one way: the order of its values says something.
    return toFields(values.every(isTrim) ? PREFIX.http : PREFIX.http64, name, values);
  });
}

function toFields(prefix: string, name: string, values: readonly string[]): Fields {
  const is64 = prefix === PREFIX.ours64 || prefix === PREFIX.http64;
  return values.map((value) => [
    prefix + name,
    is64 ? Buffer.from(value).toString("base64") : value,
  ]);
}

function isTrim(value: string): boolean {
  return value === value.trim();
}

/** The fields of a message: ours by their names, HTTP headers by theirs. */
export function readFields(fields: Iterable<[string, string[]]>): {
  head: Record<string, string>;
  headers: Record<string, string[]>;
} {
  const head: Record<string, string> = {};
  // Callers choose the names, and `__proto__` is one.
  const headers = Object.create(null) as Record<string, string[]>;
  for (const [name, values] of fields) {
    const prefix = Object.values(PREFIX).find((each) => name.startsWith(each)) ?? "";
    const rest = name.slice(prefix.length);
    const is64 = prefix === PREFIX.ours64 || prefix === PREFIX.http64;
    const read = is64 ? values.map((value) => Buffer.from(value, "base64").toString()) : values;
    if (prefix === PREFIX.http || prefix === PREFIX.http64) {
      headers[rest] = [...(headers[rest] ?? []), ...read];
    } else if (prefix !== "") {
      head[PREFIX.ours + rest] = read[0] ?? "";
    }
  }
  return { head, headers };
}

function toNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function toCallback({ "Plonk-Callback": text }: Head): URL | undefined {
  if (text === undefined) {
    return undefined;
  }
  const url = URL.parse(text);
  if (url === null || !isCallback(url)) {
    const finding = { field: "Plonk-Callback", expected: CALLBACK_EXPECTATION, got: "another" };
    throw new MalformedMessageError([finding]);
  }
  return url;
}

/** Values of these are no secrets: they are in the URL's path and in every log. */
const SHOWN: readonly string[] = ["Plonk-Function", "Plonk-Namespace", "Plonk-Method"];

function check(head: Record<string, string>): asserts head is Head {
  const findings = findSchemaMistakes(Head, head, {
    root: "message",
    isShown: ([field = ""]) => SHOWN.includes(field),
  });
  if (findings.length > 0) {
    throw new MalformedMessageError(findings);
  }
}
