/** The tables that go into the results. */
import { describe, expect, test } from "@jest/globals";
import type { Measurement } from "../../../bench/gateway/measure.ts";
import { toAddedTable, toMemoryTable, toSettingTable } from "../../../bench/gateway/report.ts";

function measured(changes: Partial<Measurement>): Measurement {
  return {
    calls: 1000,
    callsPerSecond: 1000,
    p50Ms: 1,
    p99Ms: 4,
    errors: 0,
    busy: 1,
    cpuMicroseconds: 50,
    memoryMiB: 10,
    ...changes,
  };
}

const RESULT = {
  title: "20 B, 250 connections",
  direct: 60_000,
  rounds: new Map([
    [
      "gateway" as const,
      [measured({ callsPerSecond: 1500 }), measured({ callsPerSecond: 1100, errors: 2 })],
    ],
    ["go" as const, [measured({}), measured({ busy: 0.5, memoryMiB: 30 })]],
  ]),
};

describe("toSettingTable", () => {
  test("shows figures, and ratios to Go in the same round", () => {
    const lines = toSettingTable(RESULT).split("\n");
    expect(lines[1]).toBe("### 20 B, 250 connections (60000 calls/s without a proxy)");
    expect(lines[5]).toBe(
      "| gateway | 1300 | 1.30 (1.10..1.50) | 1.00 | 1.00 (1.00..1.00) | 4.00 | 1.00 (1.00..1.00) | 50.0 | 2 |",
    );
  });

  test("marks a proxy that its own core did not hold up", () => {
    expect(toSettingTable(RESULT).split("\n")[6]).toMatch(/^\| go \| 1000 \* \|/);
  });
});

test("memory is the largest that was seen", () => {
  expect(toMemoryTable([RESULT], "memory").split("\n").slice(4)).toEqual([
    "| --- | --- |",
    "| gateway | 10 |",
    "| go | 30 |",
  ]);
});

test("what is added is the difference in the same round", () => {
  const report = (p95Ms: number): Parameters<typeof toAddedTable>[0][number] => {
    return { calls: 1, errors: 1, p50Ms: 100, p95Ms, p99Ms: 120, maxMs: 130 };
  };
  const proxies = new Map([["gateway" as const, [report(105), report(108)]]]);
  const lines = toAddedTable([report(103), report(102)], proxies).split("\n");
  expect(lines[1]).toContain("(p95 without a proxy: 102.50)");
  expect(lines[5]).toBe(
    "| gateway | 0.00 (0.00..0.00) | 4.00 (2.00..6.00) | 0.00 (0.00..0.00) | 2 |",
  );
});
