/** How many queue-workers there are: the queue makes them, and the gateway changes their number. */
import * as pulumi from "@pulumi/pulumi";
import type { GatewayEnvironment } from "../../contract/environment/index.ts";
import { type ArgumentChecks, ArgumentError } from "../errors.ts";
import { checkNumbers, type NumberRules } from "../numbers.ts";
import type { Variables } from "./pods.ts";
import { Profile } from "./settings.ts";

/**
 * Pods of the queue-worker: more at once when calls wait, fewer after a quiet time. The gateway
 * sees to it; one that is made without `Platform` is given the same. `min` and `max` decide who
 * writes their number.
 */
export interface QueueWorkers {
  /**
   * Fewest; 0: none when no call waits, runs or is due soon. It cannot be an output, nor can `max`.
   * @default 1, or `max` if less
   */
  min?: number;
  /** Most; the same as `min` is a fixed number. @default 4, or `min` if more; 1 for "edge" */
  max?: number;
  /** Waiting and running calls and callbacks for which there is one more. @default 100 */
  callsPerWorker?: pulumi.Input<number>;
  /** Wait of the oldest call after which there is one more, seconds. @default 30 */
  maxWaitSeconds?: pulumi.Input<number>;
  /**
   * How long fewer have to be enough before there is one less, seconds; up to eight times that when
   * one that went was soon missed.
   * @default 60
   */
  quietSeconds?: pulumi.Input<number>;
}

/** The same with every default filled in. */
export type WorkerCount = Required<QueueWorkers>;

/** As many as a number of replicas is worth giving names to. */
const MOST = 100;

const NUMBERS: NumberRules<QueueWorkers> = {
  min: { least: 0, most: MOST },
  max: { most: MOST },
  callsPerWorker: {},
  maxWaitSeconds: {},
  quietSeconds: {},
};

/** What is usual beside what the program says. */
const DEFAULTS = { callsPerWorker: 100, maxWaitSeconds: 30, quietSeconds: 60 };

const USUAL_MAX: Record<Profile, number> = { [Profile.Standard]: 4, [Profile.Edge]: 1 };

/**
 * Refuses what is wrong, and returns the rest.
 *
 * @param prefix what stands before the names of the fields, e.g. `queue.workers.`
 */
export function checkWorkers(
  checks: ArgumentChecks,
  prefix: string,
  workers: QueueWorkers,
): QueueWorkers {
  const { min, max } = workers;
  const checked = checkNumbers(checks, { prefix, rules: NUMBERS }, workers);
  if (min !== undefined && max !== undefined && min > max) {
    throw new ArgumentError(`${prefix}min: expected at most ${prefix}max (${max}), got ${min}`);
  }
  return checked;
}

/** Fills in the defaults. */
export function normalizeWorkers(workers: QueueWorkers = {}, profile: Profile): WorkerCount {
  const max = workers.max ?? Math.max(USUAL_MAX[profile], workers.min ?? 1);
  const min = workers.min ?? Math.min(1, max);
  return { ...DEFAULTS, ...workers, min, max };
}

/** Whether their number changes. */
export function isScaled({ min, max }: Pick<WorkerCount, "min" | "max">): boolean {
  return min < max;
}

/** What the gateway is told of them; nothing where their number is fixed. */
export function toWorkerVariables(count: WorkerCount): Variables<typeof GatewayEnvironment> {
  return isScaled(count)
    ? {
        queue_workers_min: `${count.min}`,
        queue_workers_max: `${count.max}`,
        queue_calls_per_worker: pulumi.interpolate`${count.callsPerWorker}`,
        queue_workers_max_wait: pulumi.interpolate`${count.maxWaitSeconds}s`,
        queue_workers_quiet: pulumi.interpolate`${count.quietSeconds}s`,
      }
    : {};
}
