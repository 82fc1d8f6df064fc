/** The gateway's copy of all Functions, kept by a watch. */
import { dropEmptyFields, type FunctionResource, FunctionSpec } from "../../../contract/index.ts";
import { functionPath } from "../../lib/function-path.ts";
import type { KubernetesClient } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { FRESH_SECONDS, ResourceWatch } from "../../lib/watch.ts";
import type { FunctionNamespaces } from "./namespaces.ts";

/**
 * How long a write waits until the watch shows it, so that the next read does, milliseconds: as
 * long as a machine may be busy, since it is over at once where the watch is not.
 */
export const READ_YOUR_WRITES_MS = 5000;

/** Drops what says nothing, and what is never read: there may be ten thousand Functions. */
function project({ apiVersion, kind, metadata, spec, status }: FunctionResource): FunctionResource {
  const { name, namespace, generation, resourceVersion, creationTimestamp, uid } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      ...(generation !== undefined && { generation }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(uid !== undefined && { uid }),
    },
    spec: dropEmptyFields(FunctionSpec, spec),
    ...(status !== undefined && {
      status: {
        ...(status.replicas !== undefined && { replicas: status.replicas }),
        ...(status.availableReplicas !== undefined && {
          availableReplicas: status.availableReplicas,
        }),
      },
    }),
  };
}

export interface FunctionWatchOptions {
  client: KubernetesClient;
  logger: Logger;
  namespaces: FunctionNamespaces;
}

/** A watch of all Functions that shows those in function namespaces only; it has to be started. */
export class FunctionWatch extends ResourceWatch<FunctionResource> {
  readonly #namespaces: FunctionNamespaces;

  constructor({ client, logger, namespaces }: FunctionWatchOptions) {
    const path = functionPath({ namespace: namespaces.scope });
    super({ client, path, logger, project, renewSeconds: FRESH_SECONDS });
    this.#namespaces = namespaces;
  }

  override get(key: string): FunctionResource | undefined {
    const resource = super.get(key);
    return resource !== undefined && this.#namespaces.has(resource.metadata.namespace)
      ? resource
      : undefined;
  }

  override *values(): Generator<FunctionResource, undefined> {
    for (const resource of super.values()) {
      if (this.#namespaces.has(resource.metadata.namespace)) {
        yield resource;
      }
    }
  }
}

/**
 * Resolves when the watch has seen a write of the object (or its deletion, without a version),
 * or after five seconds: the write itself has succeeded either way.
 */
export async function waitUntilSeen(
  watch: FunctionWatch,
  key: string,
  resourceVersion: string | undefined,
): Promise<void> {
  const isSeen = (): boolean => {
    const known = watch.get(key)?.metadata.resourceVersion;
    return resourceVersion === undefined
      ? known === undefined
      : known !== undefined && BigInt(known) >= BigInt(resourceVersion);
  };
  await watch.waitUntil(isSeen, READ_YOUR_WRITES_MS);
}
