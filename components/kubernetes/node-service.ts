/** Settings of Node that Plonk's own services share. */
import type * as k8s from "@pulumi/kubernetes";
import { METRICS_PORT, toProbe } from "./pods.ts";

/**
 * With 4, what 250 calls in flight hold outlives young collections and waits for one of the whole
 * heap; with 16, calls are as fast and it takes 15 MiB more.
 */
export const GATEWAY_SEMI_SPACE_MIB = 8;

/** With 2, a seventh of what a short call takes is collections; with 8, large answers have less. */
export const WORKER_SEMI_SPACE_MIB = 4;

/**
 * Keeps Node's heap well below the container's limit, so that it collects garbage instead of
 * being killed; a small young generation saves memory where little garbage is made.
 * @param limitMiB - the container's limit
 * @param semiSpaceMiB - a third of what the young generation takes at most
 */
export function toNodeOptions(limitMiB: number, semiSpaceMiB = 2): string {
  const oldSpaceMiB = Math.floor(limitMiB * 0.6);
  return `--max-old-space-size=${oldSpaceMiB} --max-semi-space-size=${semiSpaceMiB}`;
}

type Probes = Pick<
  k8s.types.input.core.v1.Container,
  "startupProbe" | "livenessProbe" | "readinessProbe"
>;

/**
 * The probes of a service, on the port of its metrics.
 * @param unreadyAfter - failures in a row after which no calls go to the pod
 */
export function toServiceProbes(unreadyAfter = 3): Probes {
  return {
    startupProbe: toProbe("/healthz", METRICS_PORT, { periodSeconds: 1, failureThreshold: 60 }),
    // One that does not answer has nothing to wait for, however long the pod may take to stop.
    livenessProbe: toProbe("/healthz", METRICS_PORT, { terminationGracePeriodSeconds: 10 }),
    readinessProbe: toProbe("/readyz", METRICS_PORT, {
      periodSeconds: 2,
      failureThreshold: unreadyAfter,
    }),
  };
}
