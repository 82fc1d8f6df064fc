/** Which fault explains that something happened twice, or too late: its kind, place and time. */
import type { FaultWindow, Harm, Run } from "./evidence.ts";

/** From the end of a run until the queue keeps its acknowledgement, milliseconds. */
const ACK_MS = 2000;

/** From a broken connection until both its ends know of it, milliseconds. */
const CUT_MS = 1000;

/** From the end of a fault until what it held up has been begun, milliseconds. */
const HELD_UP_MS = 3000;

/** The same of what is given to a worker again: the longest lease and the longest wait of all. */
const AGAIN_MS = 35_000;

/** The same where JetStream takes it for done with: it is given again when its lane is at rest. */
const LEFT_OVER_MS = 120_000;

/** Ends after which a call is run again by the rules. */
const REPEATED_ENDS: ReadonlySet<string> = new Set(["failed", "busy", "broken"]);

interface Suspect {
  harm: Harm;
  from: number;
  to: number;
  /** Whose worker it must have been, where the fault was one worker's. */
  worker: number | undefined;
}

/** Whether the rules of the queue repeat the call: it has ended, and not well. */
export function isRepeatedByRule(last: Run, next: Run): boolean {
  const hasEnded = last.endedAt !== undefined && last.endedAt <= next.startedAt;
  return hasEnded && REPEATED_ENDS.has(last.end ?? "");
}

/** Faults that explain a run beside another one of the same call, by kind. */
export function explainRun(windows: readonly FaultWindow[], last: Run, next: Run): string[] {
  const suspects = toSuspects(last, next);
  return toKinds(
    windows.filter(
      (window) =>
        next.startedAt <= window.to + againMs(window) &&
        suspects.some((suspect) => isCause(window, suspect)),
    ),
  );
}

function againMs({ harms }: FaultWindow): number {
  return harms.includes("key") ? LEFT_OVER_MS : AGAIN_MS;
}

/** Faults by which the queue forgets a key between two times. */
export function explainForgottenKey(
  windows: readonly FaultWindow[],
  from: number,
  to: number,
): string[] {
  const suspect: Suspect = { harm: "key", from, to, worker: undefined };
  return toKinds(windows.filter((window) => isCause(window, suspect)));
}

/** Faults by which a run begins although its call was taken out of the queue before. */
export function explainLateRun(windows: readonly FaultWindow[], run: Run): string[] {
  return toKinds(windows.filter((window) => isCause(window, toLate(run))));
}

function toSuspects(last: Run, next: Run): Suspect[] {
  const { worker, startedAt } = last;
  const late = toLate(next);
  const endedAt = last.endedAt ?? Infinity;
  // A function that is told late that its caller has gone may have the next run by then.
  const knownMs = last.end === "cut" ? CUT_MS : 0;
  if (endedAt - knownMs > next.startedAt) {
    // Both run: the queue has not heard of the first one for too long.
    const silence = { from: startedAt, to: next.startedAt, worker };
    const isOnePlace = worker !== undefined && worker === next.worker;
    // A worker knows what it works on, so it must be another one, if only as a process.
    const lease = { ...silence, harm: isOnePlace ? ("process" as const) : ("lease" as const) };
    return [lease, late];
  }
  const lost = { harm: "answer" as const, from: startedAt, to: endedAt + CUT_MS, worker };
  if (last.end === "cut") {
    // The queue, which cannot be heard, has a large body as well.
    const bodyless = { harm: "lease" as const, from: startedAt, to: endedAt, worker };
    return [{ ...lost, from: endedAt - CUT_MS }, bodyless];
  }
  // Taken in advance, it has waited for its turn while the queue did not hear of it.
  const waited = { harm: "lease" as const, from: startedAt - HELD_UP_MS, to: startedAt, worker };
  const unheard = { harm: "ack" as const, from: endedAt, to: endedAt + ACK_MS, worker };
  const returned = { harm: "return" as const, from: endedAt, to: next.startedAt, worker };
  return [lost, unheard, returned, waited, late];
}

/** Its message was on its way to the worker, or with it, when the fault began. */
function toLate({ startedAt, worker }: Run): Suspect {
  return { harm: "late", from: startedAt - HELD_UP_MS, to: startedAt, worker };
}

function isCause(window: FaultWindow, { harm, from, to, worker }: Suspect): boolean {
  const isThere = window.worker === undefined || window.worker === worker;
  return isThere && window.harms.includes(harm) && window.from <= to && window.to >= from;
}

function toKinds(windows: readonly FaultWindow[]): string[] {
  return [...new Set(windows.map(({ kind }) => kind))].sort();
}
