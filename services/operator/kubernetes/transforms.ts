/** What the operator keeps of the objects that it watches: managed fields are most of each. */
import type { FunctionResource } from "../../../contract/index.ts";
import type { Deployment, Metadata, Pod } from "./types.ts";

/** Metadata without what the operator never reads. */
function toSmallMetadata(metadata: Metadata): Metadata {
  const { name, namespace, uid, generation, resourceVersion, creationTimestamp } = metadata;
  const { deletionTimestamp, labels, annotations } = metadata;
  return JSON.parse(
    JSON.stringify({
      name,
      namespace,
      uid,
      generation,
      resourceVersion,
      creationTimestamp,
      deletionTimestamp,
      labels,
      annotations,
    }),
  ) as Metadata;
}

/** Metadata alone. */
export function toSmall<T extends { metadata: Metadata }>({ metadata }: T): T {
  return { metadata: toSmallMetadata(metadata) } as T;
}

export function toSmallFunction(resource: FunctionResource): FunctionResource {
  return { ...resource, metadata: toSmallMetadata(resource.metadata) as never };
}

export function toSmallDeployment({ metadata, spec, status }: Deployment): Deployment {
  return {
    metadata: toSmallMetadata(metadata),
    ...(spec?.replicas !== undefined && { spec: { replicas: spec.replicas } }),
    ...(status && { status }),
  };
}

export function toSmallPod({ metadata, spec, status }: Pod): Pod {
  const volumes = spec?.volumes?.filter(({ configMap }) => configMap !== undefined) ?? [];
  return {
    metadata: toSmallMetadata(metadata),
    spec: { volumes },
    ...(status && { status }),
  };
}
