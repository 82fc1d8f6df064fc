/** The figures of a benchmark, from its rounds. */
import { describe, expect, test } from "@jest/globals";
import { formatSpread, rotate, toRatios, toSpread } from "../../../bench/gateway/statistics.ts";

describe("toSpread", () => {
  test.each([
    [[5, 1, 3], { median: 3, min: 1, max: 5 }],
    [[4, 1, 3, 2], { median: 2.5, min: 1, max: 4 }],
    [[7], { median: 7, min: 7, max: 7 }],
  ])("of %j", (values, expected) => {
    expect(toSpread(values)).toEqual(expected);
  });

  test("leaves its input as it was", () => {
    const values = [3, 1, 2];
    toSpread(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test("of nothing is nothing", () => {
    expect(toSpread([])).toEqual({ median: NaN, min: NaN, max: NaN });
  });
});

test("ratios are taken round by round", () => {
  expect(toRatios([10, 30], [5, 10])).toEqual([2, 3]);
});

test("a spread is shown with its ends", () => {
  expect(formatSpread({ median: 1.239, min: 1.2, max: 1.305 })).toBe("1.24 (1.20..1.30)");
});

test("each round begins with the next one", () => {
  expect([0, 1, 2, 3].map((round) => rotate(["a", "b", "c"], round).join(""))).toEqual([
    "abc",
    "bca",
    "cab",
    "abc",
  ]);
});
