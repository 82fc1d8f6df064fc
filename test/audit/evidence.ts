/** What an audit has seen: what was asked and answered, what ran, and what the queue holds. */

/** One numbered call, as its client knows it. */
export interface CallRecord {
  number: number;
  /** Unix milliseconds, as all times here. */
  sentAt: number;
  /** Ids of its acceptances, each once: more than one where the queue took a repetition anew. */
  ids: string[];
  /** When the last of them was given. */
  acceptedAt?: number;
  /** Answers 202, repetitions included. */
  acceptances: number;
  /** Why it was not accepted, for each request that was not. */
  refusals: Refusal[];
  delaySeconds?: number;
  hasCallback: boolean;
  /** When the gateway said that it is cancelled. */
  cancelledAt?: number;
  /** It was asked to, and nobody knows whether it did. */
  isCancelUnclear?: boolean;
}

export interface Refusal {
  reason: string;
  /** No answer, or one of a server's own fault: the call may have been queued nevertheless. */
  isUnknown: boolean;
}

/** How a run ended: `cut` is one whose caller went away before it had its answer. */
export type RunEnd = "done" | "failed" | "busy" | "broken" | "cut";

/** One run of a function. */
export interface Run {
  number: number;
  /** The call's id, which the function gets. */
  id: string;
  /** Of the worker that has called it; undefined: not known. */
  worker?: number;
  startedAt: number;
  /** Undefined while it runs. */
  endedAt?: number;
  end?: RunEnd;
  /** The body was not the one that was sent. */
  isDamaged: boolean;
}

export interface Letter {
  id: string;
  /** Of the call that it was; 0 where that is not known. */
  number: number;
  kind: string;
  reason: string;
  /** When it was written. */
  diedAt: number;
}

/**
 * What a fault can do to calls:
 * - `answer`: a worker does not get the answer of a run, or is gone when it comes;
 * - `ack`: the queue is not told, or forgets, that a call is done with;
 * - `lease`: the queue does not hear that a call runs, and gives it to another worker;
 * - `process`: the same worker does not know any more that it runs the call;
 * - `late`: a worker gets, or begins, a call that was given to another one meanwhile;
 * - `key`: the queue forgets which keys it knows, and states of calls;
 * - `return`: the queue has calls again that it was told of before that they are done with.
 */
export type Harm = "answer" | "ack" | "lease" | "process" | "late" | "key" | "return";

/** A time in which something was broken: no longer than that. */
export interface FaultWindow {
  kind: string;
  from: number;
  to: number;
  harms: readonly Harm[];
  /** Whose way, or process, it was; undefined: no single worker's. */
  worker?: number;
}

/** What JetStream says of the stream of calls. */
export interface StreamFigures {
  /** Number of the message that was stored last. */
  lastSequence: number;
  /** Those that are there now. */
  sequences: ReadonlySet<number>;
  /** Those that its consumers have before them, or have given to a worker. */
  known: number;
}

export interface Evidence {
  calls: readonly CallRecord[];
  runs: readonly Run[];
  letters: readonly Letter[];
  /** Ids of the calls whose callback has come. */
  calledBack: ReadonlySet<string>;
  windows: readonly FaultWindow[];
  stream: StreamFigures;
  /** Nothing happens any more: what waits now waits for ever. */
  isFinal: boolean;
}
