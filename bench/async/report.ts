/** The figures of the benchmark of the queue, and what is said of them. */
import { formatSpread, type Spread, toSpread } from "../gateway/statistics.ts";

/** How many calls were left at a time. */
export interface Sample {
  /** Milliseconds. */
  at: number;
  left: number;
}

/** Shares of the calls that are left when a rate begins and ends: neither start nor last calls. */
const WINDOW = { from: 0.8, to: 0.1 };

/**
 * Calls a second while a queue was drained.
 *
 * @param samples in the order of time
 * @param total calls at the beginning
 * @throws where they do not span the window
 */
export function toDrainRate(samples: readonly Sample[], total: number): number {
  const from = samples.find(({ left }) => left <= total * WINDOW.from);
  const to = samples.find(({ left }) => left <= total * WINDOW.to);
  if (from === undefined || to === undefined || to.at <= from.at) {
    throw new Error(`drain: expected samples down to ${total * WINDOW.to} calls, got others`);
  }
  return ((from.left - to.left) / (to.at - from.at)) * 1000;
}

/** What is aimed at. */
export interface Aim {
  /** Least value that is good enough. */
  least?: number;
  /** The largest one. */
  most?: number;
}

/** A figure of which something is wanted, or which is only shown. */
export interface Finding {
  /** What was measured. */
  what: string;
  /** One value a round. */
  values: readonly number[];
  /** @default nothing is aimed at */
  aim?: Aim;
  /** Of the values, e.g. `MiB`. @default they are ratios */
  unit?: string;
}

/** Whether the median is as it should be; undefined where nothing is aimed at. */
export function isMet({ values, aim }: Finding): boolean | undefined {
  const { median } = toSpread(values);
  const { least = -Infinity, most = Infinity } = aim ?? {};
  return aim && median >= least && median <= most;
}

const VERDICTS = new Map([
  [true, "met"],
  [false, "**missed**"],
  [undefined, ""],
]);

/** A table with a row for each finding. */
export function toTable(title: string, findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const { what, values, unit = "" } = finding;
    const figure = [formatFigure(toSpread(values), unit), unit].join(" ").trim();
    return row([what, figure, formatAim(finding), VERDICTS.get(isMet(finding)) ?? ""]);
  });
  const head = [row(["what", "median (smallest..largest)", "aim", ""]), row(Array(4).fill("---"))];
  return [`\n### ${title}\n`, ...head, ...rows].join("\n");
}

/** Ratios with two digits behind the point, all else without any. */
function formatFigure(spread: Spread, unit: string): string {
  const { median, min, max } = spread;
  return unit === ""
    ? formatSpread(spread)
    : `${median.toFixed(0)} (${min.toFixed(0)}..${max.toFixed(0)})`;
}

function formatAim({ aim = {}, unit = "" }: Finding): string {
  const { least, most } = aim;
  const parts = [
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ];
  return parts.length === 0 ? "" : `${parts.join(", ")} ${unit}`.trim();
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
