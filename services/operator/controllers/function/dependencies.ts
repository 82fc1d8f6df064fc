/** Checks that what a Function refers to exists, so that Ready means that it can be loaded. */
import { CODE_ENTRY, type FunctionResource } from "../../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../../lib/kubernetes.ts";
import type { ConfigMap } from "../../kubernetes/types.ts";
import type { Problem } from "./pod-problem.ts";

/** What a Function refers to, as one text: as long as it is the same, one check is enough. */
export function dependenciesOf({ spec }: FunctionResource): string {
  return JSON.stringify([spec.code ?? null, spec.secrets ?? []]);
}

/** The first thing that is missing, or undefined. */
export async function findMissing(
  client: KubernetesClient,
  resource: FunctionResource,
): Promise<Problem | undefined> {
  const missing = await findMissingCode(client, resource);
  if (missing !== undefined) {
    return missing;
  }
  const { namespace } = resource.metadata;
  for (const name of resource.spec.secrets ?? []) {
    const secret = await client.find(resourcePath({ plural: "secrets", namespace, name }));
    if (secret === undefined) {
      const message = `spec.secrets: expected a Secret ${name} in namespace ${namespace}, got none`;
      return { reason: "SecretNotFound", message };
    }
  }
  return undefined;
}

async function findMissingCode(
  client: KubernetesClient,
  { metadata: { namespace }, spec: { code } }: FunctionResource,
): Promise<Problem | undefined> {
  if (code === undefined) {
    return undefined;
  }
  const { configMap: name, entry = CODE_ENTRY } = code;
  const path = resourcePath({ plural: "configmaps", namespace, name });
  const map = await client.find<ConfigMap>(path);
  if (map === undefined) {
    const message = `spec.code.configMap: expected a ConfigMap ${name} in namespace ${namespace}, got none`;
    return { reason: "CodeNotFound", message };
  }
  const keys = Object.keys({ ...map.data, ...map.binaryData });
  if (!keys.includes(entry)) {
    const message = `spec.code.entry: expected a key ${entry} in ConfigMap ${name}, got ${keys.join(", ")}`;
    return { reason: "CodeNotFound", message };
  }
  return undefined;
}
