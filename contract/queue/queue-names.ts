/** Queues beside the usual one: functions name theirs, and each has workers of its own. */
import { type Finding, quote, toField } from "../finding.ts";
import { CLUSTER_NAME, CLUSTER_NAME_WORDS } from "../grammar.ts";
import { ANNOTATION } from "../names.ts";
import { QUEUE } from "./names.ts";

/** Short enough for the name of the workers' Deployment. */
export const QUEUE_NAME = CLUSTER_NAME;
export const QUEUE_NAME_WORDS = CLUSTER_NAME_WORDS;

/** Names with commas between them, as services are told them; an empty text is none. */
export const QUEUE_NAMES = "^([a-z0-9][-a-z0-9]{0,31}(, ?[a-z0-9][-a-z0-9]{0,31})*)?$";

/** Reads such a text. */
export function readQueueNames(text: string): string[] {
  return text.split(",").flatMap((name) => name.trim() || []);
}

/**
 * The queue of a function: the one that its annotation names, or the usual one where it names none
 * of those that there are.
 *
 * @param names of the queues beside the usual one
 */
export function toQueueName(
  annotations: Readonly<Record<string, string>> = {},
  names: readonly string[] = [],
): string {
  const name = annotations[ANNOTATION.queue];
  return name !== undefined && names.includes(name) ? name : QUEUE.name;
}

/** What is wrong with a function's annotation; undefined: there is such a queue. */
export function findQueueMistake(
  annotations: Readonly<Record<string, string>> = {},
  names: readonly string[] = [],
): Finding | undefined {
  const name = annotations[ANNOTATION.queue];
  const known = [QUEUE.name, ...names];
  return name === undefined || known.includes(name)
    ? undefined
    : {
        field: toField(["annotations", ANNOTATION.queue]),
        expected: `a queue of the platform: ${known.join(", ")}`,
        got: quote(name),
      };
}

/**
 * Whether a worker of a queue runs the calls of a lane. What waits in a queue that nobody has any
 * more, the usual one's workers run.
 *
 * @param queue of the worker @param names of the queues beside the usual one
 */
export function runsLane(
  { queue, names }: { queue: string; names: readonly string[] },
  laneQueue: string | undefined,
): boolean {
  return queue === QUEUE.name
    ? laneQueue === undefined || !names.includes(laneQueue)
    : laneQueue === queue;
}
