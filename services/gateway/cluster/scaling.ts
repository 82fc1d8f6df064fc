/** Replicas that a function shall have, and the one way to change them. */
import {
  FIELD_MANAGER,
  type FunctionReference,
  type FunctionResource,
  type ScaleLimits,
  scaleLimits,
} from "../../../contract/index.ts";
import { functionPath } from "../../lib/function-path.ts";
import type { KubernetesClient } from "../../lib/kubernetes.ts";

/** Replicas that a function shall have; until somebody has scaled it, its minimum. */
export function desiredReplicas(resource: FunctionResource): number {
  return resource.spec.replicas ?? resource.status?.replicas ?? scaleLimits(resource).min;
}

/**
 * Replicas that a firing alert asks for. One about a function without a pod tells of what has been
 * before somebody scaled it to zero: calls that come are what brings it back.
 */
export function replicasWhenFiring(current: number, limits: ScaleLimits): number {
  const { max, factorPercent } = limits;
  if (current === 0) {
    return 0;
  }
  const step = Math.ceil((max / 100) * factorPercent);
  return Math.max(current, Math.min(current + step, max));
}

/**
 * Replicas once an alert is resolved: the minimum, but one while there are any, since the load has
 * fallen below the alert's and not to nothing. A function without a pod is idle, and stays it.
 */
export function replicasWhenResolved(current: number, { min }: ScaleLimits): number {
  return current === 0 ? 0 : Math.max(1, min);
}

/** A function that is scaled. */
export interface ScaleTarget extends FunctionReference {
  /**
   * What the number of replicas was worked out from: somebody who has scaled meanwhile is not
   * overruled. @default the replicas hold whatever there was
   */
  resourceVersion?: string | undefined;
}

/**
 * Writes the replicas through the scale subresource, and returns the function's version with them.
 * Throws a KubernetesError; a Conflict where the function is not as it was read any more.
 */
export async function scaleFunction(
  client: KubernetesClient,
  { resourceVersion, ...reference }: ScaleTarget,
  replicas: number,
): Promise<string> {
  const path = functionPath(reference, "scale");
  const metadata = resourceVersion === undefined ? {} : { metadata: { resourceVersion } };
  const patch = { ...metadata, spec: { replicas } };
  const scaled = await client.mergePatch<Scaled>(path, patch, FIELD_MANAGER.gateway);
  return scaled.metadata.resourceVersion;
}

/** A Scale, which has the version of the object that it is of. */
interface Scaled {
  metadata: { resourceVersion: string };
}
