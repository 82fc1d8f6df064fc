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

/** Replicas that a firing alert asks for. */
export function replicasWhenFiring(current: number, limits: ScaleLimits): number {
  const { max, factorPercent } = limits;
  const step = Math.ceil((max / 100) * factorPercent);
  return Math.max(current, Math.min(current + step, max));
}

/** Writes the replicas through the scale subresource; throws a KubernetesError. */
export async function scaleFunction(
  client: KubernetesClient,
  reference: FunctionReference,
  replicas: number,
): Promise<void> {
  const path = functionPath(reference, "scale");
  await client.mergePatch(path, { spec: { replicas } }, FIELD_MANAGER.gateway);
}
