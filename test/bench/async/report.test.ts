/** What the benchmark of the queue makes of its figures. */
import { describe, expect, test } from "@jest/globals";
import { isMet, type Sample, toDrainRate, toTable } from "../../../bench/async/report.ts";

/** Samples of a queue, each 100 ms after the one before. */
function toSamples(...left: number[]): Sample[] {
  return left.map((each, index) => ({ at: 5000 + index * 100, left: each }));
}

describe("toDrainRate", () => {
  test("is of the time between four fifths and a tenth of the calls", () => {
    expect(toDrainRate(toSamples(1000, 1000, 800, 500, 100, 0), 1000)).toBe(3500);
  });

  test("leaves out how long the start and the last calls take", () => {
    const slow = toSamples(1000, 1000, 1000, 1000, 1000, 800, 500, 100, 50, 50, 50, 50, 1, 1, 0);
    expect(toDrainRate(slow, 1000)).toBe(3500);
  });

  test("takes what was seen where that is not exactly those shares", () => {
    expect(toDrainRate(toSamples(1000, 700, 400, 60), 1000)).toBe(3200);
  });

  test.each([
    ["none", []],
    ["a queue that is not drained", toSamples(1000, 600, 200)],
    ["a queue that was empty at once", toSamples(0)],
  ])("is not known of %s", (_, samples) => {
    expect(() => toDrainRate(samples, 1000)).toThrow("drain: expected samples down to 100 calls");
  });
});

describe("isMet", () => {
  test.each([
    [[0.6, 0.7, 0.9], { least: 0.7 }, true],
    [[0.6, 0.69, 0.9], { least: 0.7 }, false],
    [[100, 192], { most: 192 }, true],
    [[193], { most: 192 }, false],
    [[5], { least: 1, most: 4 }, false],
    [[], { least: 0.7 }, false],
  ])("%j with %j: %s", (values, aim, expected) => {
    expect(isMet({ what: "a", values, aim })).toBe(expected);
  });

  test("says nothing where nothing is aimed at", () => {
    expect(isMet({ what: "a", values: [1] })).toBeUndefined();
  });
});

test("a table has a row for each finding, with its aim and whether it is met", () => {
  const table = toTable("figures", [
    { what: "ratio", values: [0.5, 0.75, 1], aim: { least: 0.7 } },
    { what: "memory", values: [200.4], aim: { most: 192 }, unit: "MiB" },
    { what: "calls", values: [1000, 2000], unit: "calls/s" },
  ]);
  expect(table.split("\n")).toEqual([
    "",
    "### figures",
    "",
    "| what | median (smallest..largest) | aim |  |",
    "| --- | --- | --- | --- |",
    "| ratio | 0.75 (0.50..1.00) | at least 0.7 | met |",
    "| memory | 200 (200..200) MiB | at most 192 MiB | **missed** |",
    "| calls | 1500 (1000..2000) calls/s |  |  |",
  ]);
});
