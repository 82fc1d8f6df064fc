/** Queues beside the usual one, which functions name by the annotation `com.openfaas.queue`. */
import { isMatch } from "../../contract/grammar.ts";
import { QUEUE, QUEUE_NAME, QUEUE_NAME_WORDS } from "../../contract/queue/index.ts";
import { ArgumentError } from "../errors.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import { requirePositive } from "../kubernetes/settings.ts";

/** Workers for the calls of some functions alone, in the same NATS. */
export interface NamedQueue {
  /** Pods of its queue-worker, a number that nobody changes. @default 1 */
  replicas?: number;
  /** Calls that one of them makes at once. @default that of the usual queue */
  maxInflight?: number;
  /** The same of one function. @default that of the usual queue */
  maxInflightPerFunction?: number;
  /** The pods. @default `worker` of the usual queue */
  worker?: PodOptions;
}

/** As many as one stream's lanes are told apart for. */
const MOST = 20;

/**
 * Refuses what is wrong.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.`
 */
export function checkNamedQueues(prefix: string, queues: Record<string, NamedQueue> = {}): void {
  const names = Object.keys(queues);
  if (names.length > MOST) {
    throw new ArgumentError(`${prefix}queues: expected at most ${MOST}, got ${names.length}`);
  }
  for (const [name, { replicas, maxInflight, maxInflightPerFunction }] of Object.entries(queues)) {
    if (!isMatch(QUEUE_NAME, name) || name === QUEUE.name) {
      const expected = `names of ${QUEUE_NAME_WORDS}, and not ${QUEUE.name}`;
      throw new ArgumentError(`${prefix}queues: expected ${expected}, got ${JSON.stringify(name)}`);
    }
    const numbers = { replicas, maxInflight, maxInflightPerFunction };
    requirePositive(numbers, `${prefix}queues.${name}.`);
  }
}

/** Their names, as services are told them. */
export function toQueueNames(queues: Record<string, unknown> = {}): string {
  return Object.keys(queues).sort().join(",");
}
