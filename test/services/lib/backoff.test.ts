/** Waits between attempts. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { backoffMs } from "../../../services/lib/backoff.ts";

describe("backoffMs", () => {
  test("doubles up to the limit", () => {
    const waits = [0, 1, 2, 3, 4].map((attempt) =>
      backoffMs(attempt, { initialMs: 100, maxMs: 500, random: () => 1 }),
    );
    expect(waits).toEqual([100, 200, 400, 500, 500]);
  });

  test("is at least half of the full wait and never more than the limit", () => {
    fc.assert(
      fc.property(fc.nat(10_000), (attempt) => {
        const wait = backoffMs(attempt, { initialMs: 100, maxMs: 1000 });
        expect(wait).toBeGreaterThanOrEqual(50);
        expect(wait).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
