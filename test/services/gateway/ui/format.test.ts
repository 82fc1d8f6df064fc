/** Numbers, times and sizes as the page shows them. */
import { describe, expect, test } from "@jest/globals";
import {
  formatAge,
  formatBytes,
  formatErrors,
  formatNumber,
  formatSeconds,
  formatTimeOfDay,
} from "../../../../services/gateway/ui/src/model/format.ts";

describe("formatNumber", () => {
  test.each([
    [0, "0"],
    [0.004, "0"],
    [0.256, "0.26"],
    [3.1, "3.1"],
    [9.949, "9.95"],
    [9.96, "10"],
    [42.37, "42.4"],
    [99.6, "100"],
    [999, "999"],
    [999.6, "1 k"],
    [1234, "1.23 k"],
    [999_499, "999 k"],
    [999_600, "1 M"],
    [25_000_000, "25 M"],
  ])("%d is %s", (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});

describe("formatSeconds", () => {
  test.each([
    [undefined, "–"],
    [Number.NaN, "–"],
    [0, "0 µs"],
    [0.00085, "850 µs"],
    [0.0042, "4.2 ms"],
    [0.9994, "999 ms"],
    [0.9996, "1 s"],
    [12.34, "12.3 s"],
  ])("%p is %s", (value, text) => {
    expect(formatSeconds(value)).toBe(text);
  });
});

describe("formatErrors", () => {
  test.each([
    [0, 0, "–"],
    [0, 5, "0 %"],
    [0.001, 10, "<0.1 %"],
    [0.5, 20, "2.5 %"],
    [3, 3, "100 %"],
  ])("%d of %d is %s", (errors, calls, text) => {
    expect(formatErrors(errors, calls)).toBe(text);
  });
});

describe("formatBytes", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [262_144, "262 kB"],
    [5_250_000, "5.25 MB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("formatAge", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");

  test.each([
    ["2026-11-21T12:00:00Z", "now"],
    ["2026-11-21T11:59:30Z", "30 seconds ago"],
    ["2026-11-21T11:58:01Z", "1 minute ago"],
    ["2026-11-21T07:30:00Z", "4 hours ago"],
    ["2026-11-18T12:00:00Z", "3 days ago"],
    ["never", ""],
  ])("%s is %s", (time, text) => {
    expect(formatAge(time, now)).toBe(text);
  });

  test("takes a clock that is behind for now", () => {
    expect(formatAge("2026-11-21T12:00:09Z", now)).toBe("now");
  });
});

test("a log's time is the time of day with milliseconds", () => {
  expect(formatTimeOfDay("2026-11-21T01:02:03.004999999Z")).toMatch(/^\d\d:02:03\.004$/);
  expect(formatTimeOfDay("")).toBe("");
});
