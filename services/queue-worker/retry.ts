/** When a call is repeated, and after how long. */
import { backoffMs } from "../lib/backoff.ts";
import type { RetryPolicy } from "./config.ts";

/** Statuses that are repeated (OpenFaaS Pro's list): the function or its way was not available. */
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);

export interface Outcome {
  /** HTTP status of the answer; 503 where there was none. */
  status: number;
  /** `Retry-After` of the answer. */
  retryAfter?: string;
}

/**
 * Milliseconds until the next attempt, or undefined when this was the last one.
 * @param attempt - number of this attempt, beginning with 1
 */
export function nextWaitMs(
  { status, retryAfter }: Outcome,
  attempt: number,
  policy: RetryPolicy,
): number | undefined {
  if (!RETRIED.has(status) || attempt >= policy.maxAttempts) {
    return undefined;
  }
  const asked = status === 429 || status === 503 ? parseRetryAfter(retryAfter) : undefined;
  const grown = backoffMs(attempt - 1, {
    initialMs: policy.initialWaitMs,
    maxMs: policy.maxWaitMs,
  });
  return Math.min(asked ?? grown, policy.maxWaitMs);
}

/** HTTP's dates (RFC 9110 §5.6.7). `Date.parse` takes much else for one, such as "1.5" and "-5". */
const HTTP_DATE = /^[A-Z][a-z]+, .+ GMT$/;

/** Milliseconds of a `Retry-After` header: seconds or an HTTP date (RFC 9110 §10.2.3). */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (/^\d+$/.test(value)) {
    return Number(value) * 1000;
  }
  const time = HTTP_DATE.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}
