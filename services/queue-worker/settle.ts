/** What becomes of a call after a run: the rules, apart from all that carries them out. */
import type { RetryPolicy } from "../../contract/queue/index.ts";
import { backoffMs } from "../lib/backoff.ts";

/** How a run ended. */
export interface Outcome {
  /** Of the answer; 0: there was none, and nobody knows whether the function ran. */
  status: number;
  /** Why the call can never be made: what is left of its body. */
  lost?: string;
  /** The gateway's own word, e.g. `PLONK_OVERLOADED`; undefined: the function answered. */
  code?: string;
  /** Milliseconds that the answer asks to wait. */
  retryAfterMs?: number;
}

/** What is known of the call beside that. */
export interface CallFacts {
  /** Runs before this one that ended with a status for which the policy counts. */
  attempts: number;
  /** How often the queue has given it to a worker, this time included. */
  deliveryCount: number;
  /** Since it was accepted, or since it was due when it was delayed, milliseconds. */
  ageMs: number;
}

export interface SettleRules {
  policy: RetryPolicy;
  /** How long a call is tried that nothing but the platform, or a full function, keeps back. */
  maxAgeMs: number;
  /** Source of jitter, 0 to 1. @default Math.random */
  random?: () => number;
}

export type Decision =
  | { kind: "done" }
  | { kind: "retry"; waitMs: number; attempts: number; why: RetryReason }
  | { kind: "dead"; reason: string; attempts: number };

/** Why a call is run again: the platform was away, the function was full, or it failed. */
export type RetryReason = "infrastructure" | "busy" | "failed";

/** The gateway's words for what is no fault of the function, and goes by. */
const INFRASTRUCTURE: ReadonlySet<string> = new Set([
  "PLONK_STARTING",
  "PLONK_OVERLOADED",
  "PLONK_QUEUE_FULL",
  "PLONK_NO_ENDPOINTS",
  "PLONK_SCALING_FAILED",
  "PLONK_CHECK_FAILED",
  "PLONK_ISSUER_UNAVAILABLE",
  "PLONK_LOGIN_BUSY",
  "PLONK_TOO_MANY_FAILED_LOGINS",
  // The body comes from the queue's own store: that it was slow is nobody's but the platform's.
  "PLONK_REQUEST_TIMEOUT",
  "PLONK_INTERNAL",
  // While keys are changed, not all gateways have the new one.
  "PLONK_UNKNOWN_KEY",
]);

/** Waits while the platform is away: it comes back when it does, and is asked often. */
const INFRASTRUCTURE_WAIT = { initialMs: 1000, maxMs: 30_000 };

/** First wait for a function that is full, milliseconds. */
const BUSY_WAIT_MS = 250;

/**
 * Shortest wait where the attempts are not counted, milliseconds, whatever an answer or a function
 * asks for: without one a call would be made again and again for a day.
 */
const LEAST_WAIT_MS = 100;

/** Says whether a call is done with, is run again and when, or is a dead letter. */
export function decide(outcome: Outcome, facts: CallFacts, rules: SettleRules): Decision {
  const { lost } = outcome;
  return lost === undefined
    ? decideByClass(classify(outcome, rules.policy), { outcome, facts, rules })
    : { kind: "dead", reason: lost, attempts: facts.attempts };
}

interface Deciding {
  outcome: Outcome;
  facts: CallFacts;
  rules: SettleRules;
}

function decideByClass(why: Class, { outcome, facts, rules }: Deciding): Decision {
  const { attempts } = facts;
  if (why === "done") {
    return { kind: "done" };
  }
  if (why === "refused") {
    return { kind: "dead", reason: `the gateway refused it: ${outcome.code ?? ""}`, attempts };
  }
  if (why === "failed" && attempts + 1 >= rules.policy.attempts) {
    const reason = `status ${outcome.status} after ${attempts + 1} attempts`;
    return { kind: "dead", reason, attempts: attempts + 1 };
  }
  const waitMs = toWaitMs(why, { outcome, facts, rules });
  if (why !== "failed" && facts.ageMs + waitMs > rules.maxAgeMs) {
    const last = outcome.status === 0 ? "no answer" : `status ${outcome.status}`;
    return {
      kind: "dead",
      reason: `not run in ${Math.round(facts.ageMs / 1000)} s: ${last}`,
      attempts,
    };
  }
  return { kind: "retry", why, waitMs, attempts: why === "failed" ? attempts + 1 : attempts };
}

type Class = RetryReason | "done" | "refused";

function classify({ status, code }: Outcome, policy: RetryPolicy): Class {
  if (status === 0) {
    return "infrastructure";
  }
  if (code !== undefined) {
    return classifyRefusal(code, status, policy);
  }
  if (!policy.codes.includes(status)) {
    return "done";
  }
  return status === 429 ? "busy" : "failed";
}

/** What the gateway says for itself. */
function classifyRefusal(code: string, status: number, policy: RetryPolicy): Class {
  if (INFRASTRUCTURE.has(code)) {
    return "infrastructure";
  }
  if (code === "PLONK_TOO_MANY_CALLS") {
    return "busy";
  }
  // Another gateway may not know yet of a function that was deployed a moment ago.
  if (code === "PLONK_FUNCTION_NOT_FOUND") {
    return "failed";
  }
  if (status < 500) {
    return "refused";
  }
  return policy.codes.includes(status) ? "failed" : "done";
}

function toWaitMs(why: RetryReason, { outcome, facts, rules }: Deciding): number {
  const { minWaitMs, maxWaitMs } = rules.policy;
  const random = rules.random === undefined ? {} : { random: rules.random };
  const asked = outcome.status === 429 || outcome.status === 503 ? outcome.retryAfterMs : undefined;
  if (why === "failed") {
    const grown = backoffMs(facts.attempts, { initialMs: minWaitMs, maxMs: maxWaitMs, ...random });
    return Math.min(asked ?? grown, maxWaitMs);
  }
  const round = facts.deliveryCount - 1;
  const range =
    why === "busy"
      ? { initialMs: Math.min(BUSY_WAIT_MS, minWaitMs), maxMs: maxWaitMs }
      : INFRASTRUCTURE_WAIT;
  const waitMs = Math.min(asked ?? backoffMs(round, { ...range, ...random }), range.maxMs);
  return Math.max(waitMs, LEAST_WAIT_MS);
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
