/** Checks that what a Function refers to exists, so that Ready means that it can be loaded. */
import { createHash } from "node:crypto";
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

/** A ConfigMap of code as it was found: another one of its name may take its place. */
export interface FoundCode {
  uid: string | undefined;
  /** Of its content. */
  digest: string;
}

/** What is there of what a Function refers to. */
export interface Dependencies {
  /** Of its secrets, those that are logins to registries. */
  pullSecrets: string[];
  code?: FoundCode;
}

/** All that is there, or the first thing that is missing. */
export async function findDependencies(
  client: KubernetesClient,
  resource: FunctionResource,
): Promise<{ missing: Problem } | Dependencies> {
  const found = await findCode(client, resource);
  if (found !== undefined && "missing" in found) {
    return found;
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
  return { pullSecrets, ...(found && { code: found }) };
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

async function findCode(
  client: KubernetesClient,
  { metadata: { namespace }, spec: { code } }: FunctionResource,
): Promise<{ missing: Problem } | FoundCode | undefined> {
  if (code === undefined) {
    return undefined;
  }
  const { configMap: name, entry = CODE_ENTRY } = code;
  const path = resourcePath({ plural: "configmaps", namespace, name });
  const map = await client.find<ConfigMap>(path);
  if (map === undefined) {
    const message = `spec.code.configMap: expected a ConfigMap ${name} in namespace ${namespace}, got none`;
    return { missing: { reason: "CodeNotFound", message } };
  }
  const { metadata, data = {}, binaryData = {} } = map;
  const keys = Object.keys({ ...data, ...binaryData });
  if (!keys.includes(entry)) {
    const message = `spec.code.entry: expected a key ${entry} in ConfigMap ${name}, got ${keys.join(", ")}`;
    return { missing: { reason: "CodeNotFound", message } };
  }
  return { uid: metadata.uid, digest: toDigest(data, binaryData) };
}

/** Of the same content it is the same, in whatever order that comes. */
function toDigest(...maps: Record<string, string>[]): string {
  const entries = maps.map((map) => Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHash("sha256").update(JSON.stringify(entries)).digest("base64");
}
