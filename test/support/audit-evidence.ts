/** Logs of an audit in which something was made wrong, for tests of its judgement. */
import { check } from "../audit/checker.ts";
import type { CallRecord, Evidence, FaultWindow, Letter, Run, RunEnd } from "../audit/evidence.ts";

export const id = (sequence: number): string => `${sequence}-${"n".repeat(15)}${sequence % 10}`;

export function call(number: number, more: Partial<CallRecord> = {}): CallRecord {
  const usual = { number, sentAt: 1000 * number, ids: [id(number)], acceptances: 1, refusals: [] };
  return { ...usual, hasCallback: false, ...more };
}

export function run(number: number, end: RunEnd = "done", startedAt = 1000 * number + 100): Run {
  return { number, id: id(number), startedAt, endedAt: startedAt + 50, end, isDamaged: false };
}

export function letter(number: number, kind = "call"): Letter {
  return {
    id: id(number),
    number,
    kind,
    reason: "status 500 after 6 attempts",
    diedAt: 1000 * number + 200,
  };
}

export function window(from: number, to: number, more: Partial<FaultWindow> = {}): FaultWindow {
  return { kind: "worker killed", from, to, harms: ["ack"], ...more };
}

export function evidence(more: Partial<Evidence> = {}): Evidence {
  return {
    calls: [call(1), call(2), call(3)],
    runs: [run(1), run(2), run(3)],
    letters: [],
    calledBack: new Set(),
    windows: [],
    stream: { lastSequence: 3, sequences: new Set(), known: 0 },
    isFinal: true,
    ...more,
  };
}

export const kinds = (more: Partial<Evidence>): string[] =>
  check(evidence(more)).breaches.map(({ kind }) => kind);
