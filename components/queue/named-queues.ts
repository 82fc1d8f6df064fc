/** Queues beside the usual one, which functions name by the annotation `com.openfaas.queue`. */
import type * as pulumi from "@pulumi/pulumi";
import { isMatch } from "../../contract/grammar.ts";
import { QUEUE, QUEUE_NAME, QUEUE_NAME_WORDS } from "../../contract/queue/index.ts";
import { type ArgumentChecks, ArgumentError } from "../errors.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";

/** Workers for the calls of some functions alone, in the same NATS. */
export interface NamedQueue {
  /**
   * Pods of its queue-worker, a number that nobody changes. Two or more get a
   * PodDisruptionBudget: it cannot be an output.
   * @default 1
   */
  replicas?: number;
  /** Calls that one of them makes at once. @default that of the usual queue */
  maxInflight?: pulumi.Input<number>;
  /** The same of one function. @default that of the usual queue */
  maxInflightPerFunction?: pulumi.Input<number>;
  /** The pods. @default `worker` of the usual queue */
  worker?: PodOptions;
}

/** As many as one stream's lanes are told apart for. */
const MOST = 20;

const NUMBERS: NumberRules<NamedQueue> = {
  replicas: {},
  maxInflight: {},
  maxInflightPerFunction: {},
};

/**
 * Refuses what is wrong, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.`
 */
export function checkNamedQueues(
  checks: ArgumentChecks,
  prefix: string,
  queues: Record<string, NamedQueue>,
): Record<string, NamedQueue> {
  const entries = Object.entries(queues);
  if (entries.length > MOST) {
    throw new ArgumentError(`${prefix}queues: expected at most ${MOST}, got ${entries.length}`);
  }
  const checked = entries.map(([name, queue]) => {
    if (!isMatch(QUEUE_NAME, name) || name === QUEUE.name) {
      const expected = `names of ${QUEUE_NAME_WORDS}, and not ${QUEUE.name}`;
      throw new ArgumentError(`${prefix}queues: expected ${expected}, got ${JSON.stringify(name)}`);
    }
    const place = { prefix: `${prefix}queues.${name}.`, rules: NUMBERS };
    return [name, checkNumbers(checks, place, queue)];
  });
  return Object.fromEntries(checked) as Record<string, NamedQueue>;
}

/** Their names, as services are told them. */
export function toQueueNames(queues: Record<string, unknown> = {}): string {
  return Object.keys(queues).sort().join(",");
}
