/** Pasted JavaScript: kept in an immutable ConfigMap that is named after its content. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CODE_ENTRY,
  FIELD_MANAGER,
  type FunctionReference,
  type FunctionResource,
  type FunctionSpec,
  LABEL,
} from "../../../contract/index.ts";
import { isKubernetesStatus, type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import { failures, HttpError } from "../errors.ts";
import { findCodeMistake } from "./code-check.ts";

/** Largest pasted code, bytes of UTF-8. */
const MAX_CODE_BYTES = 256 * 1024;

/** How long a revision that goes with a deleted function is waited for, milliseconds. */
const LEAVING_MS = 5000;
const POLL_MS = 100;

interface CodeMap {
  metadata: { name: string; ownerReferences?: { uid: string }[] };
  data?: Record<string, string>;
}

/** Throws a BadRequest that names the mistake of a text that cannot become a function. */
export async function checkCode(text: string): Promise<void> {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_CODE_BYTES) {
    throw new HttpError(
      failures.badRequest(`code: expected at most ${MAX_CODE_BYTES} bytes, got ${bytes}`),
    );
  }
  if (!text.isWellFormed()) {
    throw new HttpError(
      failures.badRequest("code: expected Unicode, got half of a surrogate pair"),
    );
  }
  const mistake = await findCodeMistake(text);
  if (mistake !== undefined) {
    throw new HttpError(failures.badRequest(`code: ${mistake}`));
  }
}

/** Where the code of a function is kept: the same text always in the same place. */
export function toCodeReference(name: string, text: string): NonNullable<FunctionSpec["code"]> {
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return { configMap: `${name}-${digest}`, entry: CODE_ENTRY };
}

/**
 * Stores a text unless it is stored already. The operator makes the Function its owner and removes
 * old revisions. Throws a Conflict when something else has its name.
 * @param uid - of the Function, when it exists
 */
export async function storeCode(
  client: KubernetesClient,
  { name, namespace }: FunctionReference,
  { text, uid }: { text: string; uid: string | undefined },
): Promise<void> {
  const { configMap } = toCodeReference(name, text);
  const path = resourcePath({ plural: "configmaps", namespace });
  const body = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: configMap, namespace, labels: { [LABEL.function]: name } },
    data: { [CODE_ENTRY]: text },
    immutable: true,
  };
  const deadline = performance.now() + LEAVING_MS;
  while (!(await create(client, path, body))) {
    const known = await client.find<CodeMap>(`${path}/${configMap}`);
    if (known !== undefined && known.data?.[CODE_ENTRY] !== text) {
      throw new HttpError(
        failures.conflict(`ConfigMap ${configMap}.${namespace} exists with another content`),
      );
    }
    if (known !== undefined && (!isLeaving(known, uid) || performance.now() > deadline)) {
      return;
    }
    await sleep(POLL_MS);
  }
}

/** The text that a function runs; undefined for one without code, or whose code is gone. */
export async function readCode(
  client: KubernetesClient,
  { metadata: { namespace }, spec: { code } }: FunctionResource,
): Promise<string | undefined> {
  if (code === undefined) {
    return undefined;
  }
  const map = await client.find<CodeMap>(
    resourcePath({ plural: "configmaps", namespace, name: code.configMap }),
  );
  return map?.data?.[code.entry ?? CODE_ENTRY];
}

async function create(client: KubernetesClient, path: string, body: unknown): Promise<boolean> {
  try {
    const query = { fieldManager: FIELD_MANAGER.gateway };
    await client.request(path, { method: "POST", body, query });
    return true;
  } catch (error) {
    if (isKubernetesStatus(error, 409)) {
      return false;
    }
    throw error;
  }
}

/** Owned by a Function that is gone: the garbage collector is about to take it. */
function isLeaving({ metadata: { ownerReferences = [] } }: CodeMap, uid?: string): boolean {
  return ownerReferences.length > 0 && ownerReferences.every((owner) => owner.uid !== uid);
}
