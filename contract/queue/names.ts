/** Names and limits of the queue of asynchronous calls (OpenFaaS Pro's where it has them). */
import type { FunctionReference } from "../function-reference.ts";

export const QUEUE = {
  name: "faas-request",
  /** Subject of other OpenFaaS publishers' messages, in JSON; workers move them to their lanes. */
  subject: "faas-request",
  consumer: "faas-workers",
  /** Largest message of others, bytes. */
  maxMessageBytes: 1024 * 1024,
  /** Largest body of a call, bytes. */
  maxBodyBytes: 8 * 1024 * 1024,
  /** Bodies beyond this are kept beside their message, in the object store, bytes. */
  maxInlineBytes: 256 * 1024,
  /** Longest delay, time to live and age of a result that a caller may ask for, seconds: a week. */
  maxSeconds: 7 * 24 * 3600,
  /** How long an `Idempotency-Key` is known, milliseconds. */
  duplicateWindowMs: 3_600_000,
} as const;

/** Streams, and the bucket of the object store. */
export const STREAM = {
  calls: "OF_faas-request",
  callbacks: "OF_faas-request-callbacks",
  dead: "OF_faas-request-dead",
  states: "OF_faas-request-states",
  results: "OF_faas-request-results",
  bodies: "faas-bodies",
} as const;

/** What NATS makes of the bucket's name: a stream, and what its subjects begin with. */
export const BODIES = {
  stream: `OBJ_${STREAM.bodies}`,
  subject: `$O.${STREAM.bodies}`,
} as const;

/** Subjects beside those of the streams: said to whoever listens. */
export const SUBJECT = {
  /** A call has been queued: the rest of the subject is its lane's. */
  hint: "faas-hint",
  /** A call is cancelled: the rest of the subject is its id. */
  cancel: "faas-cancel",
  /** What a worker works on: the rest of the subject is the worker's own. */
  load: "faas-load",
} as const;

/**
 * Where the calls of one function wait. A name has no dots, so they are tokens of a subject.
 *
 * @param queue whose workers run them; `*` where it says nothing
 */
export function toLane({ namespace, name }: FunctionReference, queue: string): string {
  return `${QUEUE.subject}.${namespace}.${name}.${queue}`;
}

/** The queue of a lane; undefined for other subjects, and for lanes of before there were queues. */
export function queueOf(lane: string): string | undefined {
  return lane.split(".")[3];
}

/** Where it is said that something waits in a lane, to workers that listen. */
export function toHint(lane: string): string {
  return lane.replace(QUEUE.subject, SUBJECT.hint);
}

/** The lane of which a hint is. */
export function ofHint(subject: string): string {
  return subject.replace(SUBJECT.hint, QUEUE.subject);
}

/** What a hint says of a lane whose consumer is to be made anew; others say nothing. */
export const CONSUMER_DROPPED = "consumer dropped";

/** In the place of a function that a message does not name; a namespace has no underscore. */
export const NOBODY: FunctionReference = { namespace: "_", name: "_" };

/** Where the dead letters of one function are. */
export function toDeadSubject({ namespace, name }: FunctionReference): string {
  return `faas-dead.${namespace}.${name}`;
}

/** Where the callbacks to one host wait. @param host a token, see `toHostToken` */
export function toCallbackLane(host: string): string {
  return `faas-callback.${host}`;
}

/** Where the last state of a call is told. */
export function toStateSubject({ namespace, name }: FunctionReference, id: string): string {
  return `faas-state.${namespace}.${name}.${id}`;
}

/** Where the kept answer of a call is. */
export function toResultSubject({ namespace, name }: FunctionReference, id: string): string {
  return `faas-result.${namespace}.${name}.${id}`;
}

/** Where the pieces are of one that is too large for a message. */
export function toPieceSubject(reference: FunctionReference, id: string): string {
  return `${toResultSubject(reference, id)}.piece`;
}

/** Where it is told that a call had a result, also when its time is over. */
export function toOverSubject(reference: FunctionReference, id: string): string {
  return `${toResultSubject(reference, id)}.over`;
}

/** The consumer of a lane: a name without dots, which no function has an underscore in. */
export function toConsumerName(lane: string): string {
  return [QUEUE.consumer, ...lane.split(".").slice(1)].join("_");
}

/** The function of a lane, a letter, a state or a result: their subjects have it at one place. */
export function toReference(subject: string): FunctionReference {
  const [, namespace = "", name = ""] = subject.split(".");
  return { namespace, name };
}

/**
 * Id of an accepted call: its place in the stream, which finds it, and a text that nobody guesses,
 * as the places begin again when a stream is made anew.
 */
export interface CallId {
  sequence: number;
  nonce: string;
}

const CALL_ID = /^([1-9]\d{0,15})-([\w-]{16})$/;

export function toCallId({ sequence, nonce }: CallId): string {
  return `${sequence}-${nonce}`;
}

/** Reads an id; undefined where the text is none. */
export function parseCallId(text: string): CallId | undefined {
  const [, sequence, nonce] = CALL_ID.exec(text) ?? [];
  return sequence === undefined || nonce === undefined
    ? undefined
    : { sequence: Number(sequence), nonce };
}
