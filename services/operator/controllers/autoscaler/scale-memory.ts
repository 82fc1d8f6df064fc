/** What the decisions of a function's scale remember of the looks before. */
import type { Direction, ScaleRules, Seen, Step } from "./decide.ts";

/** What was seen before, without a gap. */
export interface ScaleMemory {
  since: number;
  /** When it was looked at last. */
  at: number;
  /** As they were seen last. */
  replicas: number;
  /** Since when there has been a replica; undefined: there is none. */
  awakeSince: number | undefined;
  /** Numbers that were wanted within the windows, each list without those that do not count. */
  highest: readonly Wanted[];
  lowest: readonly Wanted[];
  /** Changes of the replicas within the periods of the steps, whoever has made them. */
  changes: readonly Change[];
}

interface Wanted {
  at: number;
  replicas: number;
}

interface Change {
  at: number;
  by: number;
}

/** Nobody knows what was wanted while nobody has looked for longer, milliseconds. */
export const GAP_MS = 10_000;

/** Numbers of one look, for the windows. */
export interface WantedRange {
  /** What the loads that are known want. */
  least: number;
  /** What it may be at most: more than `least` where a load, or a part of one, is unknown. */
  most: number;
}

/** The memory after another look. */
export function remember(
  memory: ScaleMemory | undefined,
  { now, replicas }: Seen,
  { rules: { up, down }, range }: { rules: ScaleRules; range: WantedRange },
): ScaleMemory {
  const isCurrent = memory !== undefined && now - memory.at <= GAP_MS;
  const before = isCurrent ? memory : begin(now, replicas);
  return {
    since: before.since,
    at: now,
    replicas,
    awakeSince: replicas === 0 ? undefined : (before.awakeSince ?? now),
    highest: keep(before.highest, range.most, { now, ms: down.windowMs, sign: 1 }),
    lowest: keep(before.lowest, range.least, { now, ms: up.windowMs, sign: -1 }),
    changes: addChange(before, { now, by: replicas - before.replicas, directions: [up, down] }),
  };
}

function begin(now: number, replicas: number): ScaleMemory {
  const none = { highest: [], lowest: [], changes: [] };
  return { since: now, at: now, replicas, awakeSince: undefined, ...none };
}

/** Those changes that a step may still count. */
function addChange(
  { changes, at, replicas }: ScaleMemory,
  { now, by, directions }: { now: number; by: number; directions: readonly Direction[] },
): readonly Change[] {
  const longest = Math.max(...directions.map(({ step }) => step?.periodMs ?? 0));
  const recent = changes.filter((change) => now - change.at < longest);
  // Who wakes takes no step. All others were made after the last look, and as a rule at once.
  return by === 0 || replicas === 0 ? recent : [...recent, { at, by }];
}

/** Adds a number to those of a window; less, or more, that came before it counts no longer. */
function keep(
  list: readonly Wanted[],
  replicas: number,
  { now, ms, sign }: { now: number; ms: number; sign: 1 | -1 },
): readonly Wanted[] {
  const kept = list.filter((each) => now - each.at <= ms && (each.replicas - replicas) * sign > 0);
  return [...kept, { at: now, replicas }];
}

/**
 * How many may still be added, or taken away, within the period that ends now.
 *
 * @param sign 1: those that are added, -1: those that are taken away
 */
export function leftOf(step: Step | undefined, memory: ScaleMemory, sign: 1 | -1): number {
  if (step === undefined) {
    return Infinity;
  }
  const { at: now, replicas, changes } = memory;
  const recent = changes.filter(({ at }) => now - at < step.periodMs).map(({ by }) => by);
  const before = recent.reduce((count, by) => count - by, replicas);
  const done = recent.reduce((sum, by) => (by * sign > 0 ? sum + Math.abs(by) : sum), 0);
  const most = Math.max(1, step.replicas, Math.floor((before * step.percent) / 100));
  return Math.max(0, most - done);
}
