/** Keeps the last revisions of a function's code: old pods and rollbacks still mount them. */
import { FIELD_MANAGER, type FunctionResource, LABEL } from "../../../../contract/index.ts";
import {
  isKubernetesStatus,
  type KubernetesClient,
  resourcePath,
} from "../../../lib/kubernetes.ts";
import type { Metadata, OwnerReference, Pod } from "../../kubernetes/types.ts";
import { toOwnerReference } from "./manifests.ts";

/** A ConfigMap without the code in it. */
interface CodeMap {
  metadata: Metadata;
}

/** Revisions that are kept, the current one included. */
const KEPT_REVISIONS = 3;

/**
 * Makes the Function the owner of its code, so that it goes when the Function goes, and the code
 * one that nobody can change in place: pods that start later would have another one.
 */
export async function adoptCode(
  client: KubernetesClient,
  resource: FunctionResource,
  uid: string | undefined,
): Promise<void> {
  const name = resource.spec.code?.configMap;
  if (name === undefined) {
    return;
  }
  const { namespace } = resource.metadata;
  // Not as a controller: several Functions may share one ConfigMap, each by a manager of its own,
  // since one that does not send the others' references would take them away.
  const fieldManager = `${FIELD_MANAGER.operator}-${resource.metadata.name}`;
  const owner = { ...toOwnerReference(resource), controller: false, blockOwnerDeletion: false };
  await client.apply(
    resourcePath({ plural: "configmaps", namespace, name }),
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      // Without its uid one that was deleted meanwhile would be made again, and empty for good.
      metadata: { name, namespace, uid, ownerReferences: [owner] },
      immutable: true,
    },
    { fieldManager, force: true, as: "PartialObjectMetadata" },
  );
}

/** Deletes revisions that are too old and that no pod mounts. Returns their names. */
export async function pruneCode(
  client: KubernetesClient,
  resource: FunctionResource,
  pods: readonly Pod[],
): Promise<string[]> {
  const { namespace, name } = resource.metadata;
  const path = resourcePath({ plural: "configmaps", namespace });
  const maps = await client.listMetadata<CodeMap>(path, `${LABEL.function}=${name}`);
  const old = findOldRevisions(resource, maps, pods);
  for (const { metadata } of old) {
    await remove(client, `${path}/${encodeURIComponent(metadata.name)}`, metadata.uid);
  }
  return old.map(({ metadata }) => metadata.name);
}

/** The revisions to delete: the Function's own, beyond the newest ones, not in use. */
export function findOldRevisions(
  { metadata, spec }: FunctionResource,
  maps: readonly CodeMap[],
  pods: readonly Pod[],
): CodeMap[] {
  const used = new Set(pods.flatMap(mountedMaps));
  const isOwn = (map: CodeMap): boolean =>
    owners(map).length > 0 && owners(map).every(({ uid }) => uid === metadata.uid);
  return maps
    .filter((map) => isOwn(map) && map.metadata.name !== spec.code?.configMap)
    .sort((a, b) => creationOf(b) - creationOf(a))
    .slice(KEPT_REVISIONS - 1)
    .filter((map) => !used.has(map.metadata.name));
}

function owners({ metadata: { ownerReferences = [] } }: CodeMap): OwnerReference[] {
  return ownerReferences;
}

/** Names of the ConfigMaps that pods mount, each once, in order. */
export function listMountedMaps(pods: readonly Pod[]): string[] {
  return [...new Set(pods.flatMap(mountedMaps))].sort();
}

function creationOf({ metadata }: CodeMap): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}

function mountedMaps({ spec }: Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ configMap }) =>
    configMap?.name === undefined ? [] : [configMap.name],
  );
}

/** Another one of its name is another one's. */
async function remove(client: KubernetesClient, path: string, uid?: string): Promise<void> {
  try {
    await client.request(path, { method: "DELETE", body: { preconditions: { uid } } });
  } catch (error) {
    if (!isKubernetesStatus(error, 404) && !isKubernetesStatus(error, 409)) {
      throw error;
    }
  }
}
