/** How many replicas a function's labels ask for. */
import { readCount } from "../grammar.ts";
import { LABEL, SCALE } from "../names.ts";

/** What is read of a spec. */
interface Labelled {
  labels?: Partial<Record<string, string>>;
}

export interface ScaleLimits {
  min: number;
  max: number;
  /** Share of `max` by which an alert adds replicas, percent; 0 turns alerts off. */
  factorPercent: number;
}

/**
 * The limits that the labels set; a label that is no number counts as not set. A minimum above a
 * maximum that nobody has set raises that.
 */
export function scaleLimits({ spec }: { spec: Labelled }): ScaleLimits {
  const read = (label: string, fallback: number): number =>
    readCount(spec.labels?.[label]) ?? fallback;
  const min = Math.min(read(LABEL.scaleMin, SCALE.min), SCALE.hardMax);
  return {
    min,
    max: Math.min(Math.max(read(LABEL.scaleMax, SCALE.max), min), SCALE.hardMax),
    factorPercent: Math.min(read(LABEL.scaleFactor, SCALE.factorPercent), 100),
  };
}

/**
 * Replicas after the limits have changed: a minimum that was raised, and a maximum that was
 * lowered, hold at once. Otherwise they stay, also where somebody has scaled beyond the limits by
 * hand, or to zero.
 */
export function adjustReplicas(replicas: number, before: ScaleLimits, after: ScaleLimits): number {
  const raised = after.min > before.min ? Math.max(replicas, after.min) : replicas;
  return after.max < before.max ? Math.min(raised, after.max) : raised;
}
