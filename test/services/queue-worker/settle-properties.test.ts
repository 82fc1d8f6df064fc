/** The rules of repetition for any answer: what uses up attempts, and that all comes to an end. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type CallFacts,
  decide,
  type Decision,
  type Outcome,
  parseRetryAfter,
  type SettleRules,
} from "../../../services/queue-worker/settle.ts";
import { runs } from "../../support/property-runs.ts";

const CODES = [
  "PLONK_OVERLOADED",
  "PLONK_INTERNAL",
  "PLONK_NO_ENDPOINTS",
  "PLONK_TOO_MANY_CALLS",
  "PLONK_FUNCTION_NOT_FOUND",
  "PLONK_UPSTREAM_FAILED",
  "PLONK_FORBIDDEN",
  "PLONK_NEW",
];

const statuses = fc.oneof(
  fc.constant(0),
  fc.constantFrom(408, 429, 500, 502, 503, 504),
  fc.integer({ min: 200, max: 599 }),
);
const retryAfters = fc.option(fc.oneof(fc.nat(), fc.constant(Infinity)), { nil: undefined });

const outcomes: fc.Arbitrary<Outcome> = fc
  .tuple(statuses, fc.option(fc.constantFrom(...CODES), { nil: undefined }), retryAfters)
  .map(([status, code, retryAfterMs]) => ({
    status,
    ...(status !== 0 && code !== undefined && { code }),
    ...(status !== 0 && retryAfterMs !== undefined && { retryAfterMs }),
  }));

const facts: fc.Arbitrary<CallFacts> = fc.record({
  attempts: fc.nat({ max: 1000 }),
  deliveryCount: fc.integer({ min: 1, max: 100_000 }),
  ageMs: fc.nat({ max: 200_000_000 }),
});

const rules: fc.Arbitrary<SettleRules> = fc.record({
  policy: fc.record({
    attempts: fc.integer({ min: 1, max: 1000 }),
    codes: fc.oneof(
      fc.constant([408, 429, 500, 502, 503, 504]),
      fc.array(fc.integer({ min: 100, max: 599 })),
    ),
    minWaitMs: fc.nat({ max: 86_400_000 }),
    maxWaitMs: fc.nat({ max: 86_400_000 }),
  }),
  maxAgeMs: fc.nat({ max: 86_400_000 }),
  random: fc.constantFrom(0, 0.5, 1).map((share) => () => share),
});

type Check = (decision: Decision, outcome: Outcome, given: [CallFacts, SettleRules]) => void;

function forAny(check: Check): void {
  const property = fc.property(outcomes, facts, rules, (outcome, known, given) =>
    check(decide(outcome, known, given), outcome, [known, given]),
  );
  fc.assert(property, { numRuns: runs(500) });
}

describe("for any answer", () => {
  test("only failures use up an attempt, and each uses up one", () => {
    forAny((decision, _outcome, [{ attempts }]) => {
      if (decision.kind === "retry") {
        expect(decision.attempts).toBe(decision.why === "failed" ? attempts + 1 : attempts);
      }
    });
  });

  test("a call is repeated only below its attempts", () => {
    forAny((decision, _outcome, [{ attempts }, { policy }]) => {
      if (decision.kind === "retry" && decision.why === "failed") {
        expect(attempts + 1).toBeLessThan(policy.attempts);
      }
    });
  });

  test("a call is dead by its attempts, by the gateway's word or by its age, and by nothing else", () => {
    forAny((decision, { status, code }, [{ ageMs }, { policy, maxAgeMs }]) => {
      if (decision.kind === "dead") {
        const isSpent = decision.attempts >= policy.attempts;
        const isRefused = code !== undefined && status < 500;
        const isOld = ageMs + Math.max(30_000, policy.maxWaitMs) > maxAgeMs;
        expect(isSpent || isRefused || isOld).toBe(true);
        expect(decision.reason).not.toBe("");
      }
    });
  });

  test("no answer at all is never the end of it before its time", () => {
    forAny((decision, { status }, [{ ageMs }, { maxAgeMs }]) => {
      if (status === 0 && ageMs + 30_000 <= maxAgeMs) {
        expect(decision).toMatchObject({ kind: "retry", why: "infrastructure" });
      }
    });
  });

  test("a status of the function's that is not repeated is done with", () => {
    forAny((decision, { status, code }, [, { policy }]) => {
      if (status !== 0 && code === undefined && !policy.codes.includes(status)) {
        expect(decision).toEqual({ kind: "done" });
      }
    });
  });

  test("the wait is of whole milliseconds, and not longer than the longest", () => {
    forAny((decision, _outcome, [, { policy }]) => {
      if (decision.kind === "retry") {
        const longest = decision.why === "infrastructure" ? 30_000 : policy.maxWaitMs;
        const least = decision.why === "failed" ? 0 : 100;
        expect(Number.isSafeInteger(decision.waitMs)).toBe(true);
        expect(decision.waitMs).toBeGreaterThanOrEqual(least);
        expect(decision.waitMs).toBeLessThanOrEqual(Math.max(longest, least));
      }
    });
  });

  test("the wait is the one that 429 and 503 ask for, if that is not too long", () => {
    forAny((decision, { status, retryAfterMs = -1 }, [, { policy }]) => {
      const isAsked = (status === 429 || status === 503) && retryAfterMs >= 0;
      if (decision.kind === "retry" && isAsked) {
        const longest = decision.why === "infrastructure" ? 30_000 : policy.maxWaitMs;
        const least = decision.why === "failed" ? 0 : 100;
        expect(decision.waitMs).toBe(Math.max(Math.min(retryAfterMs, longest), least));
      }
    });
  });
});

test("a function that always fails is run as often as it may be, and then no more", () => {
  fc.assert(
    fc.property(rules, ({ policy, ...others }) => {
      const given = { ...others, policy: { ...policy, codes: [500] } };
      let attempts = 0;
      let count = 1;
      const settle = (): Decision =>
        decide({ status: 500 }, { attempts, deliveryCount: count, ageMs: 0 }, given);
      for (let last = settle(); last.kind === "retry"; last = settle()) {
        attempts = last.attempts;
        count += 1;
      }
      expect(count).toBe(policy.attempts);
    }),
    { numRuns: runs(50) },
  );
});

test("a Retry-After that is none says nothing, whatever it is", () => {
  const texts = fc.oneof(fc.string(), fc.double().map(String), fc.bigInt().map(String));
  const unreadable = texts.filter((text) => !/^\d+$|GMT$/.test(text));
  fc.assert(
    fc.property(unreadable, (text) => {
      expect(parseRetryAfter(text)).toBeUndefined();
    }),
    { numRuns: runs(500) },
  );
});
