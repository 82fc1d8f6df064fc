/** Decisions in words. */
import { formatDuration } from "../../../../contract/index.ts";
import type { Decision, Restraint, ScaleReason, ScaleRules } from "./decide.ts";

/** A decision that changes something. */
export type ScaleChange = Decision & { reason: ScaleReason };

const RESTRAINTS: Readonly<Record<Exclude<Restraint, "Unknown">, string>> = {
  Maximum: "the maximum keeps it from more",
  Minimum: "the minimum keeps it from fewer",
  Step: "the rest follows, as a step is so long",
  Window: "that many were wanted in the window",
};

/** What has changed, and why: `from 2 to 5 replicas, as rps is 213 (45 for each)`. */
export function describeDecision(decision: ScaleChange, before: number, rules: ScaleRules): string {
  const { replicas, restraint } = decision;
  const change = `from ${before} to ${replicas} replicas, as ${toReason(decision, rules)}`;
  // What is unknown keeps all as it is.
  return restraint === undefined || restraint === "Unknown"
    ? change
    : `${change}; ${RESTRAINTS[restraint]}`;
}

function toReason({ reason, wanted }: Decision, rules: ScaleRules): string {
  const load =
    wanted === undefined
      ? "nothing is known"
      : `${wanted.signal} is ${toShort(wanted.load)} (${toShort(wanted.target)} for each)`;
  switch (reason) {
    case "BelowMinimum":
      return `the minimum is ${rules.min}`;
    case "AboveMaximum":
      return `the maximum is ${rules.max}`;
    case "Idle":
      return `nobody has called it for ${formatDuration(rules.zeroAfterMs ?? 0)}`;
    case "Called":
      return "it is called, or has something to do";
    default:
      return load;
  }
}

/** Three digits are enough to see why. */
function toShort(number: number): string {
  return String(number >= 100 ? Math.round(number) : Number(number.toPrecision(3)));
}
