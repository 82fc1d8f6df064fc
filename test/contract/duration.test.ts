/** Durations: Go's notation and whole seconds. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../contract/duration.ts";

describe("parseDuration", () => {
  test.each([
    ["65", 65_000],
    ["0", 0],
    ["1m5s", 65_000],
    ["1.5h", 5_400_000],
    ["250ms", 250],
    [".5s", 500],
    ["2.s", 2000],
    ["1h2m3s4ms", 3_723_004],
    ["1000us", 1],
    ["1000\u00b5s", 1],
    ["1000\u03bcs", 1],
    ["2000000ns", 2],
  ])("reads %s as %d ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBeCloseTo(milliseconds, 6);
  });

  test.each(["", " ", "5 s", "-1s", "+1s", "1d", "s", "1s2", "1e3s", "..s", "1m 5s", "1.5"])(
    "refuses %j and quotes it",
    (text) => {
      expect(() => parseDuration(text)).toThrow(
        `duration: expected e.g. 1m5s or whole seconds, got ${JSON.stringify(text)}`,
      );
    },
  );

  test("reads back what formatDuration writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBeCloseTo(milliseconds, 3);
      }),
    );
  });

  test("gives a finite number of milliseconds or an error for any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let parsed = 0;
        try {
          parsed = parseDuration(text);
        } catch (error) {
          expect((error as Error).message).toMatch(/^duration: /);
        }
        expect(Number.isNaN(parsed)).toBe(false);
      }),
    );
  });
});

describe("formatDuration", () => {
  test.each([
    [0, "0s"],
    [250, "250ms"],
    [65_000, "1m5s"],
    [3_600_000, "1h"],
    [3_661_500, "1h1m1.5s"],
  ])("writes %d ms as %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
