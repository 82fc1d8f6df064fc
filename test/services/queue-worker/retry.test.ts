/** Which answers are repeated, and after how long. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nextWaitMs, parseRetryAfter } from "../../../services/queue-worker/retry.ts";

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

describe("parseRetryAfter", () => {
  const now = Date.parse("2026-11-21T10:00:00Z");

  test.each([
    ["5", 5000],
    ["Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
    ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
    ["soon", undefined],
    [undefined, undefined],
  ])("of %s is %s ms", (value, milliseconds) => {
    expect(parseRetryAfter(value, now)).toBe(milliseconds);
  });
});
