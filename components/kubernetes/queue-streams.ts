/** What gateway and queue-worker are told of the queue's streams, which both make. */
import type { streamSettings } from "../../contract/environment/index.ts";
import { ArgumentError } from "../errors.ts";

/** The queue's streams. */
export interface QueueStreams {
  /** Servers of NATS that have each message: 1 or 3. @default as it is */
  replicas?: number;
  /** How long dead letters are kept, days. @default 30 */
  deadLetterDays?: number;
}

/** Numbers of servers, of which the most are still there when one is not. */
const REPLICAS = [1, 3];

/** Longer than anybody asks for, and short enough for JetStream's clock. */
const MOST_DAYS = 3650;

/**
 * Refuses what is wrong.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.`
 */
export function checkStreams(prefix: string, { replicas, deadLetterDays }: QueueStreams): void {
  if (replicas !== undefined && !REPLICAS.includes(replicas)) {
    const words = "expected 1 or 3 (servers of NATS; pods of the queue-worker are `workers`)";
    throw new ArgumentError(`${prefix}replicas: ${words}, got ${replicas}`);
  }
  if (deadLetterDays !== undefined && deadLetterDays > MOST_DAYS) {
    const words = `expected at most ${MOST_DAYS}, got ${deadLetterDays}`;
    throw new ArgumentError(`${prefix}deadLetterDays: ${words}`);
  }
}

/** What a service is told. */
export function toStreamVariables({
  replicas,
  deadLetterDays,
}: QueueStreams): Partial<Record<keyof typeof streamSettings, string>> {
  return {
    ...(replicas !== undefined && { queue_replicas: `${replicas}` }),
    ...(deadLetterDays !== undefined && { dead_letter_age: `${deadLetterDays * 24}h` }),
  };
}
