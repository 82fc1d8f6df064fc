/** Checks that what a Function refers to exists, so that Ready means that it can be loaded. */
import { CODE_ENTRY, type FunctionResource } from "../../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../../lib/kubernetes.ts";
import type { ConfigMap } from "../../kubernetes/types.ts";
import type { Problem } from "./pod-problem.ts";

/** What a Function refers to, as one text: as long as it is the same, one check is enough. */
export function dependenciesOf({ metadata, spec }: FunctionResource): string {
  // Another Function of the same name has to own the code that the one before has left.
  return JSON.stringify([metadata.uid, spec.code ?? null, spec.secrets ?? []]);
}

/** Whether a Function refers to anything that can go. */
export function hasDependencies({ spec }: FunctionResource): boolean {
  return spec.code !== undefined || (spec.secrets ?? []).length > 0;
}

/** Types of Secrets that hold logins to registries: kubelet reads them, and no container. */
const LOGIN_TYPES = ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"];

/** The first thing that is missing, or those of the secrets that are logins to registries. */
export async function findDependencies(
  client: KubernetesClient,
  resource: FunctionResource,
): Promise<{ missing: Problem } | { pullSecrets: string[] }> {
  const missing = await findMissingCode(client, resource);
  if (missing !== undefined) {
    return { missing };
  }
  const { namespace } = resource.metadata;
  const pullSecrets: string[] = [];
  for (const name of resource.spec.secrets ?? []) {
    const path = resourcePath({ plural: "secrets", namespace, name });
    // Printed, a Secret has its type and not its values.
    const secret = await client.find<Table>(path, { as: "Table" });
    if (secret === undefined) {
      const message = `spec.secrets: expected a Secret ${name} in namespace ${namespace}, got none`;
      return { missing: { reason: "SecretNotFound", message } };
    }
    if (LOGIN_TYPES.includes(readType(secret))) {
      pullSecrets.push(name);
    }
  }
  return { pullSecrets };
}

/** What kubectl prints of an object (meta.k8s.io/v1). */
interface Table {
  columnDefinitions: { name: string }[];
  rows: { cells: unknown[] }[];
}

function readType({ columnDefinitions, rows }: Table): string {
  const type = rows[0]?.cells[columnDefinitions.findIndex(({ name }) => name === "Type")];
  if (typeof type !== "string") {
    throw new Error("expected the type of a Secret in the table of the API server, got none");
  }
  return type;
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
