/** Create, read, update and delete of one object. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  PartialFailure,
  type Call,
  type CreateRequest,
  type CreateResult,
  type DeleteRequest,
  type ReadRequest,
  type ReadResult,
  type UpdateRequest,
} from "../lib/provider.ts";
import { hasUnknown, type Bag } from "../lib/values.ts";
import {
  describeConflict,
  isFieldConflict,
  isNamespaceMissing,
  isNamespaceTerminating,
  NoKindError,
} from "./api-error.ts";
import type { Api, Place } from "./api.ts";
import {
  checkNow,
  toTimeout,
  waitUntilGone,
  waitUntilReady,
  type WaitContext,
} from "./await/wait.ts";
import { parseToken, toApiVersion, type Gvk } from "./kinds.ts";
import { importInputs, projectInputs, withLiveValues } from "./live.ts";
import {
  ANNOTATION,
  get,
  getAnnotation,
  getName,
  getNamespace,
  getString,
  parseId,
  toId,
} from "./metadata.ts";
import { parsePath } from "./paths.ts";
import { hideData, isSecretKind, redact } from "./secrets.ts";
import { toFieldManager, toManifest, toOutputs, toPreview, toUpdatePreview } from "./state.ts";

/** How long a missing namespace or kind may take to appear, seconds: it comes in the same run. */
const APPEAR_SECONDS = 10;
const APPEAR_POLL_MS = 250;

/** What the operations need of the plugin. */
export interface Context {
  api: Api;
  /** Namespace of objects that name none. */
  namespace: string;
  /** Shows a short message on the resource while it is worked on. */
  report(urn: string, message: string): void;
}

/** One object on its way to the cluster. */
interface Work {
  context: Context;
  request: Call & { preview: boolean; timeoutSeconds: number };
  gvk: Gvk;
  place: Place;
  inputs: Bag;
  fieldManager: string;
}

/** Applies a new object (an existing one is taken over) and waits until it is ready. */
export async function createResource(
  context: Context,
  request: CreateRequest,
): Promise<CreateResult> {
  const work = toWork(context, request, { inputs: request.inputs, oldOutputs: {} });
  if (request.preview) return { id: "", outputs: await previewCreate(work) };
  const applied = await applyAnew(work);
  return { id: toId(applied), outputs: await finish(work, applied) };
}

/** Applies the new inputs and waits until the object is ready. */
export async function updateResource(context: Context, request: UpdateRequest): Promise<Bag> {
  const { newInputs, oldOutputs } = request;
  const work = toWork(context, request, { inputs: newInputs, oldOutputs });
  if (request.preview && hasUnknown(newInputs)) return newInputs;
  const manifest = await keepIgnored(work, request);
  if (!request.preview) return finish(work, await apply(work, manifest));
  const planned = await applyInPreview(work, manifest);
  return planned ? toUpdatePreview(toOutputs(planned, newInputs, work)) : newInputs;
}

/** The object as it is now; undefined when it is gone. */
export async function readResource(
  context: Context,
  request: ReadRequest,
): Promise<ReadResult | undefined> {
  const gvk = parseToken(request.type);
  const { name, namespace } = parseId(request.id);
  const place = { gvk, name, namespace: namespace ?? context.namespace };
  const live = await context.api.find(place, request.signal);
  if (!live) return undefined;
  const isImport = Object.keys(request.inputs).length === 0;
  const found = isImport ? importInputs(live) : projectInputs(request.inputs, live);
  const inputs = isSecretKind(gvk) ? hideData(found) : found;
  const fieldManager = toFieldManager(request.urn, inputs, request.outputs);
  const outputs = toOutputs(live, inputs, { gvk, fieldManager });
  const result = { id: toId(live), inputs, outputs };
  if (isImport) return result;
  const work = {
    context,
    gvk,
    place,
    inputs,
    fieldManager,
    request: { ...request, preview: false },
  };
  const { reasons } = await checkNow(live, toWaitContext(work, live));
  if (reasons.length > 0)
    throw new PartialFailure(describe(place, reasons), { ...result, reasons });
  return result;
}

/** Deletes the object and waits until it is gone. One that is gone already is fine. */
export async function deleteResource(context: Context, request: DeleteRequest): Promise<void> {
  const gvk = parseToken(request.type);
  const { name, namespace } = parseId(request.id);
  const place = { gvk, name, namespace };
  const policy = getAnnotation(request.outputs, ANNOTATION.deletionPropagation) ?? "foreground";
  const propagation = policy.charAt(0).toUpperCase() + policy.slice(1);
  if (!(await context.api.remove(place, propagation, request.signal))) return;
  if (getAnnotation(request.outputs, ANNOTATION.skipAwait) === "true") return;
  const uid = getString(request.outputs, "metadata", "uid");
  // The annotation is about readiness: a deletion that was asked for goes on in any case.
  const timeoutSeconds = toTimeout(request.timeoutSeconds, {});
  const report = (message: string): void => context.report(request.urn, message);
  await waitUntilGone(uid, {
    api: context.api,
    place,
    signal: request.signal,
    timeoutSeconds,
    report,
  }).catch((error: unknown) => {
    throw new Error(describe(place, [toMessage(error)]), { cause: error });
  });
}

function toWork(
  context: Context,
  request: Work["request"],
  { inputs, oldOutputs }: { inputs: Bag; oldOutputs: Bag },
): Work {
  const gvk = parseToken(request.type);
  const place = {
    gvk,
    name: getName(inputs),
    namespace: getNamespace(inputs) ?? context.namespace,
  };
  const fieldManager = toFieldManager(request.urn, inputs, oldOutputs);
  return { context, request, gvk, place, inputs, fieldManager };
}

async function previewCreate(work: Work): Promise<Bag> {
  if (hasUnknown(work.inputs)) return work.inputs;
  const planned = await applyInPreview(work, toManifest(work.inputs, work.gvk));
  return planned ? toPreview(toOutputs(planned, work.inputs, work)) : work.inputs;
}

/** Undefined when the namespace or the kind is not there yet: the update may well make it. */
async function applyInPreview(work: Work, manifest: Bag): Promise<Bag | undefined> {
  try {
    return await apply(work, manifest);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    const isEarly = isNamespaceMissing(cause) || isNamespaceTerminating(cause);
    if (isEarly || cause instanceof NoKindError) return undefined;
    throw error;
  }
}

/** Applies an object that is new to the state; one that is on its way out has to be gone first. */
async function applyAnew(work: Work): Promise<Bag> {
  const { context, request, place } = work;
  const manifest = toManifest(work.inputs, work.gvk);
  const old = await applyWithPatience(work, manifest);
  if (get(old, "metadata", "deletionTimestamp") === undefined) return old;
  context.report(request.urn, `waiting for the ${place.gvk.kind} of the same name to be gone`);
  await waitUntilGone(getString(old, "metadata", "uid"), toWaitContext(work, old));
  return applyWithPatience(work, manifest);
}

/** What the object needs may be on its way: a namespace, a kind, or a namespace's end. */
async function applyWithPatience(work: Work, manifest: Bag): Promise<Bag> {
  const { signal, timeoutSeconds } = work.request;
  const started = Date.now();
  for (;;) {
    try {
      return await apply(work, manifest);
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined;
      const seconds = isNamespaceTerminating(cause)
        ? toTimeout(timeoutSeconds, manifest)
        : APPEAR_SECONDS;
      const isEarly = isNamespaceMissing(cause) || isNamespaceTerminating(cause);
      if (!isEarly && !(cause instanceof NoKindError)) throw error;
      if (Date.now() - started > seconds * 1000) throw error;
    }
    await sleep(APPEAR_POLL_MS, undefined, { signal });
  }
}

async function apply(work: Work, manifest: Bag): Promise<Bag> {
  const { context, request, place, fieldManager } = work;
  const force = getAnnotation(manifest, ANNOTATION.patchForce) === "true";
  const options = { place, fieldManager, force, dryRun: request.preview };
  try {
    return await context.api.apply(manifest, options, request.signal);
  } catch (error) {
    const reason = isFieldConflict(error) ? describeConflict(error) : toMessage(error);
    throw new Error(describe(place, [redact(reason, work.inputs)]), { cause: error });
  }
}

/**
 * Fields that the program ignores keep their live values: whoever sets them now goes on doing so,
 * without a conflict.
 */
async function keepIgnored(work: Work, request: UpdateRequest): Promise<Bag> {
  const manifest = toManifest(work.inputs, work.gvk);
  if (request.ignoreChanges.length === 0) return manifest;
  const live = await work.context.api.find(work.place, request.signal);
  const paths = request.ignoreChanges.map((path) => parsePath(path).map(String));
  return live ? withLiveValues(manifest, live, paths) : manifest;
}

/** Waits, and gives the outputs; what exists already is saved when it does not become ready. */
async function finish(work: Work, applied: Bag): Promise<Bag> {
  const { object, reasons } = await waitUntilReady(applied, toWaitContext(work, applied));
  const outputs = toOutputs(object, work.inputs, work);
  if (reasons.length === 0) return outputs;
  throw new PartialFailure(describe(work.place, reasons), { id: toId(object), outputs, reasons });
}

function toWaitContext(work: Work, object: Bag): WaitContext {
  const { context, request, place } = work;
  const timeoutSeconds = toTimeout(request.timeoutSeconds, object);
  const report = (message: string): void => context.report(request.urn, message);
  return { api: context.api, place, signal: request.signal, timeoutSeconds, report };
}

function describe({ gvk, name, namespace }: Place, reasons: readonly string[]): string {
  const id = namespace === undefined ? name : `${namespace}/${name}`;
  return `${toApiVersion(gvk)} ${gvk.kind} "${id}": ${reasons.join("\n  ")}`;
}

function toMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
