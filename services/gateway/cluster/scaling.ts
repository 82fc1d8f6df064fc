/** Replicas: what a function's labels ask for, and the one way to change them. */
import {
  FIELD_MANAGER,
  type FunctionReference,
  type FunctionResource,
  LABEL,
  SCALE,
} from "../../../contract/index.ts";
import { functionPath } from "../../lib/function-path.ts";
import type { KubernetesClient } from "../../lib/kubernetes.ts";

export interface ScaleLimits {
  min: number;
  max: number;
  /** Share of `max` by which an alert adds replicas, percent; 0 turns alerts off. */
  factorPercent: number;
}

/** The limits that the labels set; a label that is no number counts as not set. */
export function scaleLimits({ spec }: FunctionResource): ScaleLimits {
  const read = (label: string, fallback: number): number => {
    const text = spec.labels?.[label];
    return text !== undefined && /^\d+$/.test(text) ? Number(text) : fallback;
  };
  const min = read(LABEL.scaleMin, SCALE.min);
  return {
    min,
    max: Math.min(Math.max(read(LABEL.scaleMax, SCALE.max), min), SCALE.hardMax),
    factorPercent: Math.min(read(LABEL.scaleFactor, SCALE.factorPercent), 100),
  };
}

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
