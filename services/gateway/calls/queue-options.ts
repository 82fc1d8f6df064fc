/** What a caller asks of the queue by headers: when a call runs, once only, what of its answer. */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { CALL_HEADER, quote, toCanonicalName, VALUE_RULES } from "../../../contract/index.ts";
import {
  CALLBACK_EXPECTATION,
  isCallback,
  QUEUE,
  readRetryPolicy,
  RETRY_ANNOTATION,
  RETRY_HEADER,
  type RetryPolicy,
} from "../../../contract/queue/index.ts";
import { ADDRESS_EXPECTATION, type AddressPolicy } from "../../lib/address-policy.ts";
import { isOwnFunction } from "../../lib/queue/own-functions.ts";
import { type Failure, failures } from "../errors.ts";

export interface QueueOptions {
  callback: URL | undefined;
  delaySeconds: number | undefined;
  expiresSeconds: number | undefined;
  /** What goes before its function's word on repetitions. */
  retry: Partial<RetryPolicy> | undefined;
  /** How long its answer is kept; undefined: it is not. */
  keepResultSeconds: number | undefined;
  /** Of a call that is stored only once; undefined: each is a call of its own. */
  messageId: string | undefined;
}

export interface QueueOptionRules {
  /** Which addresses callbacks may have. */
  callbacks: AddressPolicy;
  /** Names of the gateway's own Service. */
  ownHosts: readonly string[];
}

/** A key is an opaque text (draft-ietf-httpapi-idempotency-key-header). */
const IDEMPOTENCY_KEY = /^[\x21-\x7e][\x20-\x7e]{0,254}$/;

/**
 * Reads the headers, before the check of the caller takes its credentials away.
 *
 * @param key of the function, `namespace/name`
 */
export function readQueueOptions(
  headers: IncomingHttpHeaders,
  key: string,
  rules: QueueOptionRules,
): QueueOptions | Failure {
  const callback = readCallback(headers, rules);
  const delay = readSeconds(headers, CALL_HEADER.delaySeconds, 0);
  const expires = readSeconds(headers, CALL_HEADER.expiresSeconds, 1);
  const keep = readSeconds(headers, CALL_HEADER.keepResultSeconds, 1);
  const retry = readRetry(headers);
  const once = readKey(headers, key);
  for (const read of [callback, delay, expires, keep, retry, once]) {
    if ("failure" in read) {
      return read.failure;
    }
  }
  return {
    callback: (callback as Read<URL>).value,
    delaySeconds: (delay as Read<number>).value,
    expiresSeconds: (expires as Read<number>).value,
    retry: (retry as Read<Partial<RetryPolicy>>).value,
    keepResultSeconds: (keep as Read<number>).value,
    messageId: (once as Read<string>).value,
  };
}

interface Read<T> {
  value: T | undefined;
}
type Reading<T> = Read<T> | { failure: Failure };

function readCallback(
  headers: IncomingHttpHeaders,
  { callbacks, ownHosts }: QueueOptionRules,
): Reading<URL> {
  const text = headers[CALL_HEADER.callbackUrl];
  if (typeof text !== "string" || text === "") {
    return { value: undefined };
  }
  const field = toCanonicalName(CALL_HEADER.callbackUrl);
  const url = URL.parse(text);
  if (url === null || !isCallback(url)) {
    return { failure: failures.badCallbackUrl(`${field}: expected ${CALLBACK_EXPECTATION}`) };
  }
  url.hash = "";
  const reason = isOwnFunction(url, ownHosts) ? undefined : callbacks.checkUrl(url);
  return reason === undefined
    ? { value: url }
    : {
        failure: failures.badCallbackUrl(
          `${field}: expected ${ADDRESS_EXPECTATION}, got ${reason}`,
        ),
      };
}

function readSeconds(headers: IncomingHttpHeaders, name: string, least: number): Reading<number> {
  const text = headers[name];
  if (text === undefined) {
    return { value: undefined };
  }
  const seconds = typeof text === "string" && /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (seconds >= least && seconds <= QUEUE.maxSeconds) {
    return { value: seconds };
  }
  const expected = `a whole number of seconds from ${least} to ${QUEUE.maxSeconds}`;
  const message = `${toCanonicalName(name)}: expected ${expected}, got ${quote(text)}`;
  return { failure: failures.badRequest(message) };
}

/** Rules of the annotations, which hold for the headers that say the same. */
const RETRY_PARTS = ["attempts", "codes", "minWait", "maxWait"] as const;
const RETRY_RULES = new Map(VALUE_RULES.map((rule) => [rule.key, rule]));

function readRetry(headers: IncomingHttpHeaders): Reading<Partial<RetryPolicy>> {
  const texts: Record<string, string> = {};
  for (const part of RETRY_PARTS) {
    const name = RETRY_HEADER[part];
    const text = headers[name];
    const rule = RETRY_RULES.get(RETRY_ANNOTATION[part]);
    if (typeof text === "string" && rule?.accepts(text) !== true) {
      const expected = rule?.expected ?? "none";
      return { failure: failures.badRequest(`${toCanonicalName(name)}: expected ${expected}`) };
    }
    if (typeof text === "string") {
      texts[name] = text;
    }
  }
  const isAsked = Object.keys(texts).length > 0;
  return { value: isAsked ? readRetryPolicy(texts, RETRY_HEADER) : undefined };
}

/** One key of two callers is two keys; what makes a caller is what it logs in with. */
function readKey(headers: IncomingHttpHeaders, functionKey: string): Reading<string> {
  const key = headers[CALL_HEADER.idempotencyKey];
  if (key === undefined) {
    return { value: undefined };
  }
  if (typeof key !== "string" || !IDEMPOTENCY_KEY.test(key)) {
    const expected = "1 to 255 visible characters";
    const field = toCanonicalName(CALL_HEADER.idempotencyKey);
    return { failure: failures.badRequest(`${field}: expected ${expected}`) };
  }
  const parts = [functionKey, headers.authorization ?? "", key];
  return { value: createHash("sha256").update(JSON.stringify(parts)).digest("base64url") };
}
