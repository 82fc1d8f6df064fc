/** How the queue is kept and how it is read: the settings of its streams and of its consumers. */
import { QUEUE, STREAM, toConsumerName } from "./names.ts";

/** Room for what JetStream keeps beside a message, bytes: callers' headers and ours. */
export const HEADER_BYTES = 80 * 1024;

const NANOSECONDS = 1e6;
const HOUR_MS = 3_600_000;

/** How long a dead letter is kept unless it is said otherwise, milliseconds. */
export const DEAD_LETTER_AGE_MS = 30 * 24 * HOUR_MS;
/** A body may be that of a call that waited for two weeks before it died. */
const BODY_AGE_BEYOND_MS = 15 * 24 * HOUR_MS;

/** How long it is known that a result was there, once its time is over, seconds: two days. */
export const OVER_SECONDS = 2 * 24 * 3600;

/** Room for all kept results, bytes. */
const RESULT_BYTES = 256 * 1024 * 1024;

/** A stream as JetStream takes it. Each refuses what it has no room for: nothing is pushed out. */
export interface StreamSettings {
  name: string;
  subjects: string[];
  retention: "workqueue" | "limits";
  storage: "file" | "memory";
  discard: "new" | "old";
  max_msg_size?: number;
  max_age?: number;
  max_bytes?: number;
  max_msgs_per_subject?: number;
  allow_msg_ttl?: boolean;
  duplicate_window?: number;
  allow_direct?: boolean;
  num_replicas?: number;
}

/** What an installation says of all streams. */
export interface StreamTerms {
  /** Servers that have each message. @default as it is, 1 of a stream that is made */
  replicas?: number | undefined;
  /** How long a dead letter is kept, milliseconds. @default DEAD_LETTER_AGE_MS */
  deadLetterAgeMs?: number | undefined;
}

/** The calls: on disk, each for one worker. */
export const CALLS_STREAM: StreamSettings = {
  name: STREAM.calls,
  // Three tokens have the calls that were accepted before there was more than one queue.
  subjects: [QUEUE.subject, `${QUEUE.subject}.*.*`, `${QUEUE.subject}.*.*.*`],
  retention: "workqueue",
  storage: "file",
  discard: "new",
  max_msg_size: QUEUE.maxMessageBytes + HEADER_BYTES,
  duplicate_window: QUEUE.duplicateWindowMs * NANOSECONDS,
};

/** Every stream of the queue; gateway and worker make those that are missing. */
export const STREAMS: readonly StreamSettings[] = [
  CALLS_STREAM,
  {
    name: STREAM.callbacks,
    subjects: ["faas-callback.*"],
    retention: "workqueue",
    storage: "file",
    discard: "new",
    max_msg_size: QUEUE.maxMessageBytes + HEADER_BYTES,
  },
  {
    name: STREAM.dead,
    subjects: ["faas-dead.*.*"],
    retention: "limits",
    storage: "file",
    discard: "new",
    max_msg_size: QUEUE.maxMessageBytes + 2 * HEADER_BYTES,
    max_age: DEAD_LETTER_AGE_MS * NANOSECONDS,
  },
  {
    // What a NATS that starts again may forget: the messages themselves say what is left to do.
    name: STREAM.states,
    subjects: ["faas-state.*.*.*"],
    retention: "limits",
    storage: "memory",
    discard: "old",
    max_msgs_per_subject: 1,
    // Longer than the longest wait between two runs, 24 h, of which the next one has to know.
    max_age: 48 * HOUR_MS * NANOSECONDS,
    max_bytes: 8 * 1024 * 1024,
  },
  {
    // Each message goes when its caller's time is over. A store of results that is full takes no
    // room from the calls. JetStream's own marks of what was deleted are not to be had: no message
    // may then go earlier than a mark.
    name: STREAM.results,
    subjects: ["faas-result.*.*.*", "faas-result.*.*.*.piece", "faas-result.*.*.*.over"],
    retention: "limits",
    storage: "file",
    discard: "new",
    max_msg_size: QUEUE.maxMessageBytes + HEADER_BYTES,
    max_age: (QUEUE.maxSeconds + OVER_SECONDS) * 1000 * NANOSECONDS,
    max_bytes: RESULT_BYTES,
    allow_msg_ttl: true,
  },
];

/** What the terms say of one of the streams. */
export function toStreamTerms(
  name: string,
  { replicas, deadLetterAgeMs }: StreamTerms,
): Partial<StreamSettings> {
  const isDead = name === STREAM.dead && deadLetterAgeMs !== undefined;
  return {
    ...(replicas !== undefined && { num_replicas: replicas }),
    ...(isDead && { max_age: deadLetterAgeMs * NANOSECONDS }),
  };
}

/** How long the object store keeps a body, nanoseconds: longer than any call or dead letter. */
export function toBodyAge({ deadLetterAgeMs = DEAD_LETTER_AGE_MS }: StreamTerms): number {
  return (deadLetterAgeMs + BODY_AGE_BEYOND_MS) * NANOSECONDS;
}

/** A consumer that nobody has asked for so long is forgotten by JetStream; its messages stay. */
const CONSUMER_IDLE_MS = 24 * HOUR_MS;

/** A consumer as JetStream takes it. */
export interface ConsumerSettings {
  durable_name: string;
  filter_subject: string;
  ack_policy: "explicit";
  ack_wait: number;
  max_deliver: number;
  max_ack_pending: number;
  inactive_threshold: number;
}

/**
 * The consumer of one lane, which all workers share. It counts neither deliveries nor messages in
 * flight: how often a call is repeated, and how many run at once, the workers decide.
 *
 * @param ackWaitMs silence after which a message is given to another worker, milliseconds
 */
export function toConsumerSettings(lane: string, ackWaitMs: number): ConsumerSettings {
  return {
    durable_name: toConsumerName(lane),
    filter_subject: lane,
    ack_policy: "explicit",
    ack_wait: ackWaitMs * NANOSECONDS,
    max_deliver: -1,
    max_ack_pending: -1,
    inactive_threshold: CONSUMER_IDLE_MS * NANOSECONDS,
  };
}
