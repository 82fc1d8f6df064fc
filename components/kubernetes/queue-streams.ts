/** What gateway and queue-worker are told of the queue's streams, which both make. */
import * as pulumi from "@pulumi/pulumi";
import type { streamSettings } from "../../contract/environment/index.ts";
import { type ArgumentChecks, ArgumentError } from "../errors.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";

/** The queue's streams. */
export interface QueueStreams {
  /** Servers of NATS that have each message: 1 or 3. @default as it is */
  replicas?: number;
  /** How long dead letters are kept, days. @default 30 */
  deadLetterDays?: pulumi.Input<number>;
}

/** Numbers of servers, of which the most are still there when one is not. */
const REPLICAS = [1, 3];

/** Longer than anybody asks for, and short enough for JetStream's clock. */
const MOST_DAYS = 3650;

const NUMBERS: NumberRules<QueueStreams> = { replicas: {}, deadLetterDays: { most: MOST_DAYS } };

/**
 * Refuses what is wrong, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.`
 */
export function checkStreams<T extends QueueStreams>(
  checks: ArgumentChecks,
  prefix: string,
  streams: T,
): T {
  const { replicas } = streams;
  const checked = checkNumbers(checks, { prefix, rules: NUMBERS }, streams);
  if (replicas !== undefined && !REPLICAS.includes(replicas)) {
    const words = "expected 1 or 3 (servers of NATS; pods of the queue-worker are `workers`)";
    throw new ArgumentError(`${prefix}replicas: ${words}, got ${replicas}`);
  }
  return checked;
}

/** What a service is told. */
export function toStreamVariables({
  replicas,
  deadLetterDays,
}: QueueStreams): Partial<Record<keyof typeof streamSettings, pulumi.Input<string>>> {
  return {
    ...(replicas !== undefined && { queue_replicas: `${replicas}` }),
    ...(deadLetterDays !== undefined && {
      dead_letter_age: pulumi.output(deadLetterDays).apply((days) => `${days * 24}h`),
    }),
  };
}
