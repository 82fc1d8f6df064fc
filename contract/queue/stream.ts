/** How the queue is kept and how it is read: the settings of its stream and of its consumer. */
import { QUEUE } from "./names.ts";

/** Room for what JetStream keeps beside a message (its id), bytes. */
export const ID_BYTES = 4096;

/** The stream: on disk, each message for one worker. The gateway makes it where it is missing. */
export const STREAM_CONFIG = {
  name: QUEUE.stream,
  subjects: [QUEUE.subject] as string[],
  retention: "workqueue",
  storage: "file",
  max_msg_size: QUEUE.maxMessageBytes + ID_BYTES,
} as const;

const NANOSECONDS = 1e6;

/** A consumer as JetStream takes it. */
export interface ConsumerConfig {
  durable_name: string;
  ack_policy: "explicit";
  ack_wait: number;
  max_deliver: number;
  max_ack_pending: number;
}

/**
 * The consumer that all workers share. It counts neither deliveries nor messages in flight: how
 * often a call is repeated, and how many run at once, the workers decide.
 *
 * @param ackWaitMs silence after which a message is given to another worker, milliseconds
 */
export function toConsumerConfig(ackWaitMs: number): ConsumerConfig {
  return {
    durable_name: QUEUE.consumer,
    ack_policy: "explicit",
    ack_wait: ackWaitMs * NANOSECONDS,
    max_deliver: -1,
    max_ack_pending: -1,
  };
}
