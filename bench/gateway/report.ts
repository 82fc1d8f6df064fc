/** The tables of the benchmark, as Markdown. */
import type { OpenLoopReport } from "./constant-load.ts";
import type { ContestantName } from "./contestants.ts";
import type { Measurement } from "./measure.ts";
import { formatSpread, toRatios, toSpread } from "./statistics.ts";

/** All rounds of one setting, by contestant. */
export interface SettingResult {
  title: string;
  /** Calls per second without a proxy. */
  direct: number;
  rounds: ReadonlyMap<ContestantName, readonly Measurement[]>;
}

/** A proxy that used less of its core than this was not the bottleneck. */
const BUSY = 0.9;

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function pick(rounds: readonly Measurement[], key: keyof Measurement): number[] {
  return rounds.map((measurement) => measurement[key]);
}

function median(rounds: readonly Measurement[], key: keyof Measurement): number {
  return toSpread(pick(rounds, key)).median;
}

/** A row per proxy: the values, and the ratios to Go's proxy in the same round. */
export function toSettingTable({ title, direct, rounds }: SettingResult): string {
  const go = rounds.get("go") ?? [];
  const rows = [...rounds].map(([name, own]) => {
    const ratio = (key: keyof Measurement): string =>
      formatSpread(toSpread(toRatios(pick(own, key), pick(go, key))));
    const isIdle = median(own, "busy") < BUSY;
    return row([
      name,
      `${median(own, "callsPerSecond").toFixed(0)}${isIdle ? " *" : ""}`,
      ratio("callsPerSecond"),
      median(own, "p50Ms").toFixed(2),
      ratio("p50Ms"),
      median(own, "p99Ms").toFixed(2),
      ratio("p99Ms"),
      median(own, "cpuMicroseconds").toFixed(1),
      own.reduce((sum, { errors }) => sum + errors, 0),
    ]);
  });
  return [
    `\n### ${title} (${direct.toFixed(0)} calls/s without a proxy)\n`,
    row(["proxy", "calls/s", "to go", "p50, ms", "to go", "p99, ms", "to go", "CPU, µs", "errors"]),
    row(Array<string>(9).fill("---")),
    ...rows,
  ].join("\n");
}

/** Memory at the end of the loads with the most connections. */
export function toMemoryTable(results: readonly SettingResult[], title: string): string {
  const names = [...(results[0]?.rounds.keys() ?? [])];
  const rows = names.map((name) => {
    const largest = results.flatMap(({ rounds }) => pick(rounds.get(name) ?? [], "memoryMiB"));
    return row([name, toSpread(largest).max.toFixed(0)]);
  });
  return [`\n### ${title}\n`, row(["proxy", "PSS, MiB"]), row(["---", "---"]), ...rows].join("\n");
}

/** What each proxy adds to the function's own time, round by round. */
export function toAddedTable(
  direct: readonly OpenLoopReport[],
  proxies: ReadonlyMap<ContestantName, readonly OpenLoopReport[]>,
): string {
  const base = toSpread(direct.map(({ p95Ms }) => p95Ms)).median.toFixed(2);
  const rows = [...proxies].map(([name, own]) => {
    const added = (key: "p50Ms" | "p95Ms" | "p99Ms"): string =>
      formatSpread(
        toSpread(own.map((report, round) => report[key] - (direct[round]?.[key] ?? NaN))),
      );
    const errors = own.reduce((sum, report) => sum + report.errors, 0);
    return row([name, added("p50Ms"), added("p95Ms"), added("p99Ms"), errors]);
  });
  return [
    `\n### added to a 100 ms function at 1,000 calls/s, ms (p95 without a proxy: ${base})\n`,
    row(["proxy", "p50", "p95", "p99", "errors"]),
    row(Array<string>(5).fill("---")),
    ...rows,
  ].join("\n");
}
