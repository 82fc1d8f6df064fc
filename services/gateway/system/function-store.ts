/** Functions on the API server: found, applied and deleted as the REST API asks for it. */
import {
  ANNOTATION,
  FIELD_MANAGER,
  type FunctionDeployment,
  type FunctionReference,
  type FunctionResource,
  type FunctionSpec,
  pullPolicy,
  toDisplayName,
  toKey,
} from "../../../contract/index.ts";
import { functionPath } from "../../lib/function-path.ts";
import { isKubernetesStatus, type KubernetesClient } from "../../lib/kubernetes.ts";
import { type FunctionWatch, waitUntilSeen } from "../cluster/functions.ts";
import { failures, HttpError } from "../errors.ts";
import { checkCode, storeCode, toCodeReference } from "./code.ts";
import {
  type AppliedFunction,
  isOverrideAllowed,
  refuseForeign,
  toApplied,
} from "./deployments.ts";
import { type ReferenceCheckContext, refuseMissing } from "./reference-check.ts";

export interface FunctionStoreContext extends ReferenceCheckContext {
  functions: FunctionWatch;
  /** Image that runs pasted JavaScript; undefined: there is none. */
  runtimeImage: string | undefined;
}

/** The Function as it is stored, or undefined. Throws a KubernetesError. */
export function findFunction(
  { client }: Pick<FunctionStoreContext, "client">,
  reference: FunctionReference,
): Promise<FunctionResource | undefined> {
  return client.find<FunctionResource>(functionPath(reference));
}

/** The Function, when it exists and nobody but the REST API manages it. Throws 404 and 409. */
export async function findChangeable(
  context: Pick<FunctionStoreContext, "client">,
  reference: FunctionReference,
): Promise<FunctionResource> {
  const existing = await findFunction(context, reference);
  if (existing === undefined) {
    throw new HttpError(failures.functionNotFound(toDisplayName(reference)));
  }
  refuseForeign(existing, `function ${toDisplayName(reference)}`);
  return existing;
}

/**
 * Applies a deployment, its code first. Resolves when the gateway's own copy shows it. Throws 400
 * for code that cannot run and for secrets and profiles that are missing, or a KubernetesError.
 */
export async function applyFunction(
  context: FunctionStoreContext,
  reference: FunctionReference,
  { deployment, existing }: { deployment: FunctionDeployment; existing?: FunctionResource },
): Promise<void> {
  const { client, functions } = context;
  const { code: text } = deployment;
  await refuseMissing(context, reference.namespace, deployment);
  const wanted = toApplied(deployment, reference.namespace, {
    image: toImage(context, deployment),
    ...(text !== undefined && { code: toCodeReference(reference.name, text) }),
  });
  const applied = {
    ...wanted,
    metadata: { ...wanted.metadata, ...toRestart(wanted.spec, existing) },
    spec: withoutEmptied(wanted.spec, existing?.spec),
  };
  const force = existing !== undefined && isOverrideAllowed(existing);
  const apply = (dryRun?: "All"): Promise<FunctionResource> =>
    client.request(functionPath(reference), {
      method: "PATCH",
      query: { fieldManager: FIELD_MANAGER.gateway, ...(force && { force }), dryRun },
      body: applied,
      contentType: "application/apply-patch+yaml",
    });
  if (text !== undefined) {
    await checkCode(text);
    // A Function that would be refused shall leave no code behind, which nothing would own.
    await apply("All");
    await storeCode(client, reference, { text, uid: existing?.metadata.uid });
  }
  const stored = await dropLeftovers(client, await apply(), applied);
  await waitUntilSeen(functions, toKey(reference), stored.metadata.resourceVersion);
}

/**
 * Whoever deploys a tag that moves anew wants what it names by now: new pods, which ask for it. For
 * all others it is the spec that says whether something has changed.
 */
function toRestart(
  spec: AppliedFunction["spec"],
  existing: FunctionResource | undefined,
): Pick<AppliedFunction["metadata"], "annotations"> {
  const isMoving = existing !== undefined && pullPolicy(spec) === "Always";
  const restartedAt = isMoving
    ? new Date().toISOString()
    : existing?.metadata.annotations?.[ANNOTATION.restartedAt];
  return restartedAt === undefined
    ? {}
    : { annotations: { [ANNOTATION.restartedAt]: restartedAt } };
}

/**
 * Leaves out maps that become empty: server-side apply would take all their keys away and make them
 * null, which the schema refuses. Left out, they go as a whole. A scale is applied as a whole, and
 * means something when it is empty.
 */
function withoutEmptied(
  spec: AppliedFunction["spec"],
  existing: AppliedFunction["spec"] | undefined,
): AppliedFunction["spec"] {
  const isEmptied = (field: string, value: unknown): boolean =>
    field !== "scale" &&
    isMap(value) &&
    Object.keys(value).length === 0 &&
    Object.keys(existing?.[field as keyof FunctionSpec] ?? {}).length > 0;
  const kept = Object.entries(spec).filter(([field, value]) => !isEmptied(field, value));
  return Object.fromEntries(kept) as AppliedFunction["spec"];
}

function isMap(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Fields that somebody else has set stay when a deployment leaves them out: of a Function that
 * another may override, they go, as code beside a new image would be run in that.
 */
async function dropLeftovers(
  client: KubernetesClient,
  stored: FunctionResource,
  applied: AppliedFunction,
): Promise<FunctionResource> {
  const kept = new Set([...Object.keys(applied.spec), "replicas"]);
  const leftovers = Object.keys(stored.spec).filter((field) => !kept.has(field));
  if (leftovers.length === 0) {
    return stored;
  }
  const spec = Object.fromEntries(leftovers.map((field) => [field, null]));
  return client.mergePatch(functionPath(stored.metadata), { spec }, FIELD_MANAGER.gateway);
}

function toImage(
  { runtimeImage }: FunctionStoreContext,
  { image, code }: FunctionDeployment,
): string {
  const chosen = code === undefined ? image : runtimeImage;
  if (chosen === undefined) {
    throw new HttpError(
      failures.badRequest(
        "code: expected an image, as this gateway knows no runtime image for code",
      ),
    );
  }
  return chosen;
}

/** Deletes a Function, and with it all that it owns. Resolves when the gateway's copy shows it. */
export async function deleteFunction(
  { client, functions }: Pick<FunctionStoreContext, "client" | "functions">,
  reference: FunctionReference,
): Promise<void> {
  await client
    .request(functionPath(reference), {
      method: "DELETE",
      query: { propagationPolicy: "Background" },
    })
    .catch(rethrowMissing(reference));
  await waitUntilSeen(functions, toKey(reference), undefined);
}

/** Turns the API server's 404 into the one that names the function. */
export function rethrowMissing(reference: FunctionReference): (error: unknown) => never {
  return (error) => {
    throw isKubernetesStatus(error, 404)
      ? new HttpError(failures.functionNotFound(toDisplayName(reference)))
      : error;
  };
}
