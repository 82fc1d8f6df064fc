/** How often, and after which waits, the calls of a function are repeated. */
import { isMatch, readCount } from "../grammar.ts";
import { ANNOTATION } from "../names.ts";
import { readTimeout } from "../timeouts.ts";

export interface RetryPolicy {
  /** Runs of one call that end with one of `codes`, the first included. */
  attempts: number;
  /** Statuses after which a call is run again. */
  codes: readonly number[];
  /** Wait before the first repetition, milliseconds; each further one doubles it. */
  minWaitMs: number;
  maxWaitMs: number;
}

/** Statuses of OpenFaaS Pro's list: the function, or the way to it, was not available. */
export const RETRIED_CODES: readonly number[] = [408, 429, 500, 502, 503, 504];

/** Suffixes of `com.openfaas.retry.`, as OpenFaaS Pro has them. */
export const RETRY_ANNOTATION = {
  attempts: `${ANNOTATION.retry}attempts`,
  codes: `${ANNOTATION.retry}codes`,
  minWait: `${ANNOTATION.retry}min_wait`,
  maxWait: `${ANNOTATION.retry}max_wait`,
} as const;

/** Headers of a call that say the same of it alone. */
export const RETRY_HEADER = {
  attempts: "x-retry-attempts",
  codes: "x-retry-codes",
  minWait: "x-retry-min-wait",
  maxWait: "x-retry-max-wait",
} as const;

export const MAX_ATTEMPTS = 1000;

/** Statuses with commas between them; an empty text is none. */
export const RETRY_CODES = "^([1-5][0-9]{2}(, ?[1-5][0-9]{2})*)?$";

/**
 * What a function's annotations, or the headers of a call, say; what they do not say is not there.
 *
 * @param names of the annotations, or of the headers
 */
export function readRetryPolicy(
  texts: Readonly<Record<string, string | undefined>> = {},
  names: Readonly<Record<keyof typeof RETRY_ANNOTATION, string>> = RETRY_ANNOTATION,
): Partial<RetryPolicy> {
  const attempts = readCount(texts[names.attempts]) ?? 0;
  const codes = texts[names.codes];
  const minWaitMs = readWait(texts[names.minWait]);
  const maxWaitMs = readWait(texts[names.maxWait]);
  const hasAttempts = attempts >= 1 && attempts <= MAX_ATTEMPTS;
  return {
    ...(hasAttempts && { attempts }),
    ...(codes !== undefined && isMatch(RETRY_CODES, codes) && { codes: readCodes(codes) }),
    ...(minWaitMs !== undefined && { minWaitMs }),
    ...(maxWaitMs !== undefined && { maxWaitMs }),
  };
}

/** The same as one short text, for a message's header. */
export function writeRetryPolicy(policy: Partial<RetryPolicy>): string {
  const { attempts, codes, minWaitMs, maxWaitMs } = policy;
  return [attempts ?? "", codes?.join(",") ?? "-", minWaitMs ?? "", maxWaitMs ?? ""].join(";");
}

/** Reads what `writeRetryPolicy` has written; anything else says nothing. */
export function parseRetryPolicy(text: string): Partial<RetryPolicy> {
  const [, attempts, codes, minWait, maxWait] =
    /^(\d{0,4});(-|[\d,]*);(\d{0,9});(\d{0,9})$/.exec(text) ?? [];
  return {
    ...(attempts && { attempts: Number(attempts) }),
    ...(codes !== undefined && codes !== "-" && { codes: readCodes(codes) }),
    ...(minWait && { minWaitMs: Number(minWait) }),
    ...(maxWait && { maxWaitMs: Number(maxWait) }),
  };
}

function readCodes(text: string): number[] {
  return text === "" ? [] : text.split(",").map(Number);
}

/** Whole milliseconds, as a message's header has them. */
function readWait(text: string | undefined): number | undefined {
  const milliseconds = readTimeout(text);
  return milliseconds === undefined ? undefined : Math.round(milliseconds);
}
