/** What the informers keep of each object: managed fields, which are never read, are most of it. */
import {
  dropEmptyFields,
  type FunctionResource,
  FunctionSpec,
  type ProfileResource,
  ProfileSpec,
} from "../../../contract/index.ts";
import {
  DEPLOYMENT_SHARED,
  type FieldPath,
  findForeignFields,
  SERVICE_SHARED,
} from "./foreign-fields.ts";
import type { Deployment, DisruptionBudget, Metadata, Pod, Service } from "./types.ts";

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

/** Without fields of the spec that say nothing, so that a handler `""` is none. */
export function trimFunction(resource: FunctionResource): FunctionResource {
  return {
    ...resource,
    metadata: trimMetadata(resource.metadata),
    spec: dropEmptyFields(FunctionSpec, resource.spec),
  };
}

/** Without fields that say nothing, too. */
export function trimProfile({ metadata, spec = {} }: ProfileResource): ProfileResource {
  return { metadata: trimMetadata(metadata), spec: dropEmptyFields(ProfileSpec, spec) };
}

export function trimDeployment({ metadata, spec, status }: Deployment): Deployment {
  return {
    ...trimOwned(metadata, DEPLOYMENT_SHARED),
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
    ...(status && { status }),
  };
}

export function trimService({ metadata }: Service): Service {
  return trimOwned(metadata, SERVICE_SHARED);
}

export function trimBudget({ metadata }: DisruptionBudget): DisruptionBudget {
  return trimOwned(metadata, []);
}

/** Metadata with the owners of an object that the operator writes, and what others wrote. */
function trimOwned(
  metadata: Metadata,
  shared: readonly FieldPath[],
): Pick<Service, "metadata" | "foreign"> {
  const { ownerReferences, managedFields } = metadata;
  const foreign = findForeignFields(managedFields, shared);
  return {
    metadata: { ...trimMetadata(metadata), ...(ownerReferences && { ownerReferences }) },
    ...(foreign.length > 0 && { foreign }),
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
