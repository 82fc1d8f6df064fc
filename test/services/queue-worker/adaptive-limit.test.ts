/** How many calls of a function run at once: as many as it takes. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AdaptiveLimit } from "../../../services/queue-worker/adaptive-limit.ts";
import { runs } from "../../support/property-runs.ts";

describe("a limit", () => {
  test("begins with the most", () => {
    expect(new AdaptiveLimit(10).current).toBe(10);
  });

  test("is halved by a refusal", () => {
    const limit = new AdaptiveLimit(10);
    limit.refuse(limit.generation, 10);
    expect(limit.current).toBe(5);
  });

  test("is halved from what really ran, where that was less", () => {
    const limit = new AdaptiveLimit(100);
    limit.refuse(limit.generation, 6);
    expect(limit.current).toBe(3);
  });

  test("is halved once by all calls that began before the first refusal", () => {
    const limit = new AdaptiveLimit(16);
    const begun = limit.generation;
    [16, 15, 14].forEach((inFlight) => limit.refuse(begun, inFlight));
    expect(limit.current).toBe(8);
    limit.refuse(limit.generation, 8);
    expect(limit.current).toBe(4);
  });

  test("grows by one for as many answers as run at once", () => {
    const limit = new AdaptiveLimit(10);
    limit.refuse(limit.generation, 8);
    const seen = Array.from({ length: 12 }, () => {
      limit.succeed();
      return limit.current;
    });
    expect(seen).toEqual([4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6]);
  });

  test("is never less than one call", () => {
    const limit = new AdaptiveLimit(3);
    [1, 1, 1].forEach((inFlight) => limit.refuse(limit.generation, inFlight));
    expect(limit.current).toBe(1);
    limit.succeed();
    expect(limit.current).toBe(2);
  });
});

describe("for any answers", () => {
  const events = fc.array(
    fc.oneof(fc.constant("succeed" as const), fc.nat({ max: 200 }), fc.constant("old" as const)),
    { maxLength: 200 },
  );

  test("the limit is a whole number from one to the most, and is halved once in a generation", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), events, (max, given) => {
        const limit = new AdaptiveLimit(max);
        for (const event of given) {
          const { current, generation } = limit;
          if (event === "succeed") {
            limit.succeed();
            expect([current, Math.min(max, current + 1)]).toContain(limit.current);
          } else {
            limit.refuse(event === "old" ? generation - 1 : generation, Number(event) || current);
            const least = event === "old" ? current : 1;
            expect(limit.current).toBeGreaterThanOrEqual(least);
            expect(limit.current).toBeLessThanOrEqual(current);
            expect(limit.generation).toBe(event === "old" ? generation : generation + 1);
          }
          expect(Number.isInteger(limit.current)).toBe(true);
          expect(limit.current).toBeGreaterThanOrEqual(1);
          expect(limit.current).toBeLessThanOrEqual(max);
        }
      }),
      { numRuns: runs(50) },
    );
  });

  test("the most comes back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), (max) => {
        const limit = new AdaptiveLimit(max);
        limit.refuse(limit.generation, 1);
        for (let count = 0; count <= max * max; count += 1) {
          limit.succeed();
        }
        expect(limit.current).toBe(max);
      }),
      { numRuns: runs(20) },
    );
  });
});
