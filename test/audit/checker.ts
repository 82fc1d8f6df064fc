/** Whether what was promised was kept: accepted log against effect log, call by call. */
import { parseCallId } from "../../contract/queue/index.ts";
import { explainForgottenKey, explainLateRun, explainRun, isRepeatedByRule } from "./causes.ts";
import type { CallRecord, Evidence, Letter, Run } from "./evidence.ts";

/** One breach of the promise. */
export interface Breach {
  kind: BreachKind;
  text: string;
}

export type BreachKind =
  | "lost"
  | "false acceptance"
  | "stuck"
  | "conservation"
  | "unexplained repetition"
  | "run after cancellation"
  | "run without acceptance"
  | "too early"
  | "damaged body"
  | "lost callback";

/** Where accepted calls are; the parts make up the whole. */
export interface Balance {
  accepted: number;
  waiting: number;
  running: number;
  done: number;
  dead: number;
  cancelled: number;
}

export interface Verdict {
  breaches: Breach[];
  balance: Balance;
  /** Runs beside the one that each call has, by the faults that explain them. */
  repetitions: Record<string, number>;
  /** Acceptances of a call that was accepted already, as the queue had forgotten its key. */
  forgottenKeys: number;
  /** Runs of calls whose request had no answer, or a server's fault for one. */
  unknownRuns: number;
}

/** What the checks share. */
interface Index {
  evidence: Evidence;
  runs: ReadonlyMap<string, readonly Run[]>;
  letters: ReadonlyMap<string, readonly Letter[]>;
  callOf: ReadonlyMap<string, CallRecord>;
}

export function check(evidence: Evidence): Verdict {
  const index: Index = {
    evidence,
    runs: Map.groupBy(evidence.runs, ({ id }) => id),
    letters: Map.groupBy(evidence.letters, ({ id }) => id),
    callOf: new Map(evidence.calls.flatMap((call) => call.ids.map((id) => [id, call] as const))),
  };
  const { balance, breaches: placed } = findPlaces(index);
  const { repetitions, forgottenKeys, breaches: repeated } = findRepetitions(index);
  const { unknownRuns, breaches: unasked } = findUnasked(index);
  return {
    balance,
    repetitions,
    forgottenKeys,
    unknownRuns,
    breaches: [
      ...placed,
      ...findFalseAcceptances(index),
      ...findImbalance(index, unknownRuns),
      ...repeated,
      ...unasked,
      ...findWrongRuns(index),
      ...findRunsAfterCancellation(index),
      ...(evidence.isFinal ? findLostCallbacks(index) : []),
    ],
  };
}

function sequenceOf(id: string): number {
  return parseCallId(id)?.sequence ?? 0;
}

const NOWHERE = { waiting: 0, running: 0, done: 0, dead: 0, cancelled: 0 };

type Place = Exclude<keyof Balance, "accepted">;

/** Puts each accepted call into one place, or finds that it has none. */
function findPlaces(index: Index): { balance: Balance; breaches: Breach[] } {
  const { evidence, runs, callOf } = index;
  const balance: Balance = { accepted: callOf.size, ...NOWHERE };
  const breaches: Breach[] = [];
  for (const [id, call] of callOf) {
    const place = findPlace(index, id, call);
    const what = `call ${call.number} (${id})`;
    const ends = runs.get(id)?.map(({ end }) => end ?? "running") ?? [];
    const past = `its runs: ${ends.join(", ") || "none"}`;
    if (place === undefined) {
      breaches.push({ kind: "lost", text: `${what} is nowhere; ${past}` });
      continue;
    }
    balance[place] += 1;
    if ((place === "waiting" || place === "running") && evidence.isFinal) {
      breaches.push({ kind: "stuck", text: `${what} stays for ever; ${past}` });
    }
  }
  return { balance, breaches: [...breaches, ...findLostRepetitions(evidence)] };
}

function findPlace(index: Index, id: string, call: CallRecord): Place | undefined {
  const { evidence, runs } = index;
  const end = findEnd(index, id);
  if (!evidence.stream.sequences.has(sequenceOf(id))) {
    return end ?? (isCancelled(call) ? "cancelled" : undefined);
  }
  return runs.get(id)?.some((run) => run.end === undefined) === true ? "running" : "waiting";
}

function findEnd({ runs, letters }: Index, id: string): "done" | "dead" | undefined {
  if (letters.get(id)?.some(({ kind }) => kind !== "callback") === true) {
    return "dead";
  }
  return runs.get(id)?.some(({ end }) => end === "done") === true ? "done" : undefined;
}

function isCancelled({ cancelledAt, isCancelUnclear = false }: CallRecord): boolean {
  return cancelledAt !== undefined || isCancelUnclear;
}

/** Calls that were accepted without an id, as done with already: somebody must have run them. */
function findLostRepetitions({ calls, runs, letters }: Evidence): Breach[] {
  const done = new Set(runs.flatMap(({ number, end }) => (end === "done" ? [number] : [])));
  const dead = new Set(letters.map(({ number }) => number));
  return calls
    .filter(({ ids, acceptances }) => ids.length === 0 && acceptances > 0)
    .filter(({ number }) => !done.has(number) && !dead.has(number))
    .map(({ number }) => ({ kind: "lost", text: `call ${number}, known to the queue, never ran` }));
}

/** Acceptances of what was never stored: places beyond the stream's end, or given twice. */
function findFalseAcceptances({ evidence, callOf }: Index): Breach[] {
  const { lastSequence } = evidence.stream;
  const bySequence = Map.groupBy(callOf, ([id]) => sequenceOf(id));
  return [...bySequence].flatMap(([sequence, entries]) => {
    const numbers = entries.map(([, { number }]) => number).join(", ");
    const text =
      sequence > lastSequence
        ? `call ${numbers}: accepted as ${sequence}, but the last one stored is ${lastSequence}`
        : `calls ${numbers}: each accepted as ${sequence}`;
    const isFalse = sequence > lastSequence || entries.length > 1;
    return isFalse ? [{ kind: "false acceptance" as const, text }] : [];
  });
}

/** All that was ever stored was accepted, or nobody knows whether it was. */
function findImbalance(index: Index, unknownRuns: number): Breach[] {
  const { evidence, callOf } = index;
  const { calls, stream } = evidence;
  const unknown = calls.flatMap(({ refusals }) => refusals.filter(({ isUnknown }) => isUnknown));
  const most = callOf.size + unknown.length;
  const breaches: Breach[] = [];
  const add = (text: string): void => void breaches.push({ kind: "conservation", text });
  if (stream.lastSequence > most) {
    add(`${stream.lastSequence} stored, but at most ${most} were asked for`);
  }
  if (unknownRuns > unknown.length) {
    add(`${unknownRuns} ran of which nobody knows, but ${unknown.length} requests had no answer`);
  }
  if (stream.sequences.size !== stream.known) {
    add(`${stream.sequences.size} in the stream, but its consumers know of ${stream.known}`);
  }
  return breaches;
}

function findRepetitions({ evidence, runs }: Index): {
  repetitions: Record<string, number>;
  forgottenKeys: number;
  breaches: Breach[];
} {
  const { windows, calls } = evidence;
  const repetitions: Record<string, number> = {};
  const breaches: Breach[] = [];
  const count = (what: string, causes: readonly string[]): void => {
    if (causes.length === 0) {
      breaches.push({ kind: "unexplained repetition", text: what });
    }
    const key = causes.join(" or ") || "nothing";
    repetitions[key] = (repetitions[key] ?? 0) + 1;
  };
  for (const [id, all] of runs) {
    const sorted = all.toSorted((a, b) => a.startedAt - b.startedAt);
    for (const [at, run] of sorted.entries()) {
      const last = sorted[at - 1];
      if (last !== undefined && !isRepeatedByRule(last, run)) {
        const past = sorted.map(toText).join(", ");
        count(`call ${run.number} (${id}) ran again: ${past}`, explainRun(windows, last, run));
      }
    }
  }
  const forgotten = calls.filter(({ ids }) => ids.length > 1);
  for (const { number, ids, sentAt, acceptedAt = Infinity } of forgotten) {
    const causes = explainForgottenKey(windows, sentAt, acceptedAt);
    count(`call ${number} accepted as ${ids.join(" and ")}`, causes);
  }
  return { repetitions, forgottenKeys: forgotten.length, breaches };
}

function toText({ worker, startedAt, endedAt, end }: Run): string {
  return `${end ?? "running"} at worker ${worker ?? "?"} ${startedAt}-${endedAt ?? ""}`;
}

/** From the answer to a cancellation until no worker begins the call any more, milliseconds. */
const CANCEL_MS = 1000;

/** A call that was cancelled has no run from then on, where nothing held its message up. */
function findRunsAfterCancellation({ evidence, callOf }: Index): Breach[] {
  return evidence.runs.flatMap((run): Breach[] => {
    const { ids: [cancelled] = [], cancelledAt: at = Infinity } = callOf.get(run.id) ?? {};
    // Where the queue took a repetition anew, that goes on.
    const cancelledAt = run.id === cancelled ? at : Infinity;
    const isLate = run.startedAt > cancelledAt + CANCEL_MS;
    if (!isLate || explainLateRun(evidence.windows, run).length > 0) {
      return [];
    }
    const text = `call ${run.number} (${run.id}), ${run.startedAt - cancelledAt} ms later`;
    return [{ kind: "run after cancellation", text }];
  });
}

/** Runs, and dead letters, of ids that no client was given. */
function findUnasked({ evidence, runs, letters, callOf }: Index): {
  unknownRuns: number;
  breaches: Breach[];
} {
  const byNumber = new Map(evidence.calls.map((call) => [call.number, call]));
  const unknown = [...runs].filter(([id]) => !callOf.has(id));
  const breaches = unknown.flatMap(([id, [run]]) => {
    const refusals = byNumber.get(run?.number ?? 0)?.refusals ?? [];
    const reasons = refusals.map(({ reason }) => reason).join(", ") || "never sent";
    const text = `call ${run?.number ?? 0} (${id}) ran, though it was refused: ${reasons}`;
    return refusals.some(({ isUnknown }) => isUnknown)
      ? []
      : [{ kind: "run without acceptance" as const, text }];
  });
  const twice = [...letters].filter(
    ([id, all]) => id !== "" && all.filter(({ kind }) => kind === "call").length > 1,
  );
  const twiceDead = twice.map(([id, all]) => ({
    kind: "conservation" as const,
    text: `${id} has ${all.length} dead letters: ${all.map(({ reason }) => reason).join("; ")}`,
  }));
  return { unknownRuns: unknown.length, breaches: [...breaches, ...twiceDead] };
}

function findWrongRuns({ evidence, callOf }: Index): Breach[] {
  return evidence.runs.flatMap((run): Breach[] => {
    const { number, id, startedAt, isDamaged } = run;
    const call = callOf.get(id);
    const dueAt = (call?.sentAt ?? 0) + (call?.delaySeconds ?? 0) * 1000;
    const early = call !== undefined && startedAt < dueAt ? dueAt - startedAt : 0;
    return [
      ...(isDamaged ? [{ kind: "damaged body" as const, text: `call ${number} (${id})` }] : []),
      ...(early > 0
        ? [{ kind: "too early" as const, text: `call ${number} (${id}) by ${early} ms` }]
        : []),
    ];
  });
}

/** Of calls that ran to their end and asked for a callback, those that none has come of. */
function findLostCallbacks({ evidence, runs, letters, callOf }: Index): Breach[] {
  const { calledBack } = evidence;
  return [...callOf].flatMap(([id, call]): Breach[] => {
    const { number, hasCallback } = call;
    const isDone = runs.get(id)?.some(({ end }) => end === "done") === true;
    // What is cancelled while its function answers has no callback.
    const isSettled = calledBack.has(id) || letters.has(id) || isCancelled(call);
    return hasCallback && isDone && !isSettled
      ? [{ kind: "lost callback", text: `call ${number} (${id})` }]
      : [];
  });
}
