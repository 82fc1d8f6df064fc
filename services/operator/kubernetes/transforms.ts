/** What the informers keep of each object: managed fields, which are never read, are most of it. */
import type { FunctionResource } from "../../../contract/index.ts";
import type { Deployment, Metadata, Pod } from "./types.ts";

const KEPT = [
  "name",
  "namespace",
  "uid",
  "generation",
  "resourceVersion",
  "creationTimestamp",
  "deletionTimestamp",
  "labels",
  "annotations",
] as const;

type TrimmedMetadata<M extends Metadata> = Pick<M, (typeof KEPT)[number]>;

function trimMetadata<M extends Metadata>(metadata: M): TrimmedMetadata<M> {
  const kept = KEPT.filter((field) => metadata[field] !== undefined);
  return Object.fromEntries(kept.map((field) => [field, metadata[field]])) as TrimmedMetadata<M>;
}

/** Metadata alone. */
export function trimToMetadata({ metadata }: { metadata: Metadata }): { metadata: Metadata } {
  return { metadata: trimMetadata(metadata) };
}

export function trimFunction(resource: FunctionResource): FunctionResource {
  return { ...resource, metadata: trimMetadata(resource.metadata) };
}

export function trimDeployment({ metadata, spec, status }: Deployment): Deployment {
  return {
    metadata: trimMetadata(metadata),
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
    ...(status && { status }),
  };
}

/** Of the volumes, those of code. */
export function trimPod({ metadata, spec, status }: Pod): Pod {
  const volumes = spec?.volumes?.filter(({ configMap }) => configMap !== undefined) ?? [];
  return {
    metadata: trimMetadata(metadata),
    spec: { volumes },
    ...(status && { status }),
  };
}
