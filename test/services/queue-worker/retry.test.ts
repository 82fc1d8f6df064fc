/** Which answers are repeated, and after how long. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nextWaitMs, parseRetryAfter } from "../../../services/queue-worker/retry.ts";
import { runs } from "../../support/property-runs.ts";

const POLICY = { maxAttempts: 4, initialWaitMs: 1000, maxWaitMs: 10_000 };

describe("nextWaitMs", () => {
  test.each([408, 429, 500, 502, 503, 504])("repeats %d", (status) => {
    expect(nextWaitMs({ status }, 1, POLICY)).toBeGreaterThanOrEqual(500);
  });

  test.each([200, 202, 301, 400, 401, 404, 413, 501])("does not repeat %d", (status) => {
    expect(nextWaitMs({ status }, 1, POLICY)).toBeUndefined();
  });

  test("ends with the last attempt", () => {
    expect(nextWaitMs({ status: 503 }, 3, POLICY)).toBeDefined();
    expect(nextWaitMs({ status: 503 }, 4, POLICY)).toBeUndefined();
  });

  test("does as Retry-After says for 429 and 503, up to the longest wait", () => {
    expect(nextWaitMs({ status: 429, retryAfter: "3" }, 1, POLICY)).toBe(3000);
    expect(nextWaitMs({ status: 503, retryAfter: "0" }, 1, POLICY)).toBe(0);
    expect(nextWaitMs({ status: 503, retryAfter: "3600" }, 1, POLICY)).toBe(10_000);
    expect(nextWaitMs({ status: 500, retryAfter: "3600" }, 1, POLICY)).toBeLessThan(1001);
  });

  test("grows, and never exceeds the longest wait", () => {
    const policy = { ...POLICY, maxAttempts: 1000 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900 }), (attempt) => {
        const wait = nextWaitMs({ status: 502 }, attempt, policy) ?? -1;
        expect(wait).toBeGreaterThanOrEqual(Math.min(10_000, 1000 * 2 ** (attempt - 1)) / 2);
        expect(wait).toBeLessThanOrEqual(10_000);
      }),
    );
  });
});

describe("for any answer", () => {
  const statuses = fc.oneof(
    fc.integer({ min: 100, max: 599 }),
    fc.constantFrom(408, 429, 500, 502, 503, 504),
  );
  const retryAfters = fc.oneof(
    fc.string(),
    fc.double().map(String),
    fc.bigInt().map(String),
    fc.stringMatching(/^\d{1,400}$/),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  );
  const policies = fc.record({
    maxAttempts: fc.integer({ min: 1, max: 100 }),
    initialWaitMs: fc.nat({ max: 3_600_000 }),
    maxWaitMs: fc.nat({ max: 3_600_000 }),
  });

  test("a call is made once or as often as it may be, and then no more", () => {
    fc.assert(
      fc.property(statuses, retryAfters, policies, (status, retryAfter, policy) => {
        let attempt = 1;
        while (nextWaitMs({ status, retryAfter }, attempt, policy) !== undefined) {
          attempt += 1;
        }
        expect([1, policy.maxAttempts]).toContain(attempt);
      }),
    );
  });

  test("the wait is of whole milliseconds, and not longer than the longest", () => {
    fc.assert(
      fc.property(statuses, retryAfters, policies, (status, retryAfter, policy) => {
        const wait = nextWaitMs({ status, retryAfter }, 1, policy) ?? 0;
        expect(Number.isSafeInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(policy.maxWaitMs);
      }),
      { numRuns: runs(1000) },
    );
  });

  test("what is no Retry-After changes nothing", () => {
    const unreadable = retryAfters.filter((text) => !/^\d+$|GMT$/.test(text));
    fc.assert(
      fc.property(unreadable, (retryAfter) => {
        const wait = nextWaitMs({ status: 503, retryAfter }, 1, POLICY) ?? -1;
        expect(wait).toBeGreaterThanOrEqual(500);
        expect(wait).toBeLessThanOrEqual(1000);
      }),
      { numRuns: runs(1000) },
    );
  });
});

describe("parseRetryAfter", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");

  test.each([
    ["5", 5000],
    ["Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
    ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
    ["Saturday, 21-Nov-26 10:00:30 GMT", 30_000],
    ["soon", undefined],
    ["", undefined],
    ["-5", undefined],
    ["1.5", undefined],
    ["5, 7", undefined],
    ["2026-11-21", undefined],
    ["Sat, 99 Nov 2026 10:00:30 GMT", undefined],
    [undefined, undefined],
  ])("of %s is %s ms", (value, milliseconds) => {
    expect(parseRetryAfter(value, now)).toBe(milliseconds);
  });
});
