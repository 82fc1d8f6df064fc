/** A resource's outputs: the live object, and what the next run has to know about it. */
import { createHash } from "node:crypto";
import { isBag, mapBag, reveal, UNKNOWN, type Bag, type Value } from "../lib/values.ts";
import type { Gvk } from "./kinds.ts";
import { ANNOTATION, get, getAnnotation, getString, withMetadata } from "./metadata.ts";
import { hideData, isSecretKind, markSecrets } from "./secrets.ts";

/** Fields of the state beside the object's own, named as the vendor's plugin names them. */
const STATE_KEY = {
  inputs: "__inputs",
  initialApiVersion: "__initialApiVersion",
  fieldManager: "__fieldManager",
} as const;

/** The outputs to save for an object. `managedFields` is left out: noise of the API server. */
export function toOutputs(
  live: Bag,
  inputs: Bag,
  details: { gvk: Gvk; fieldManager: string },
): Bag {
  const metadata = { ...(get(live, "metadata") as Bag | undefined) };
  delete metadata["managedFields"];
  const marked = markSecrets({ ...live, metadata }, inputs) as Bag;
  const checked = isSecretKind(details.gvk) ? hideData(marked) : marked;
  return {
    ...checked,
    [STATE_KEY.inputs]: inputs,
    [STATE_KEY.initialApiVersion]: get(inputs, "apiVersion") ?? "",
    [STATE_KEY.fieldManager]: details.fieldManager,
  };
}

/**
 * The field manager of a resource: the one it was made with, the one an annotation asks for, or
 * one of its own. Derived from the URN, so that a run after one that was killed before it could
 * save its state does not fight the fields that it set itself.
 */
export function toFieldManager(urn: string, inputs: Bag, oldOutputs: Bag): string {
  const digest = createHash("sha256").update(urn).digest("hex").slice(0, 8);
  return (
    getAnnotation(inputs, ANNOTATION.fieldManager) ??
    getString(oldOutputs, STATE_KEY.fieldManager) ??
    `pulumi-kubernetes-${digest}`
  );
}

/**
 * What a preview says of an object that does not exist yet. A dry run makes up what the server
 * assigns, so those fields are unknown until the object is there.
 */
export function toPreview(object: Bag): Bag {
  const assigned = withMetadata(object, {
    uid: UNKNOWN,
    resourceVersion: UNKNOWN,
    creationTimestamp: UNKNOWN,
    generation: UNKNOWN,
  });
  return withAssignedSpec({ ...assigned, status: UNKNOWN });
}

/** What a preview says of an object that would be changed. */
export function toUpdatePreview(object: Bag): Bag {
  return withMetadata(object, { resourceVersion: UNKNOWN, generation: UNKNOWN });
}

const ASSIGNED_BY_SERVER: Record<string, readonly string[]> = {
  Service: ["clusterIP", "clusterIPs", "ports"],
  PersistentVolumeClaim: ["volumeName"],
};

function withAssignedSpec(object: Bag): Bag {
  const names = ASSIGNED_BY_SERVER[getString(object, "kind") ?? ""];
  const spec = get(object, "spec");
  if (!names || !isBag(spec)) return object;
  const unknown = Object.fromEntries(names.map((name) => [name, UNKNOWN]));
  return { ...object, spec: { ...spec, ...unknown, ...keepSet(object, names) } };
}

/** A cluster address that the program itself chose is known. */
function keepSet(object: Bag, names: readonly string[]): Bag {
  const inputs = get(object, STATE_KEY.inputs, "spec");
  if (!isBag(inputs)) return {};
  const set = names.filter((name) => name !== "ports" && inputs[name] !== undefined);
  return Object.fromEntries(set.map((name) => [name, inputs[name] ?? null]));
}

/**
 * The object to send: without secret marks, and without fields that are explicitly nothing. A
 * Secret's `stringData` becomes `data`: the server forgets who owns the keys of the former.
 */
export function toManifest(inputs: Bag, gvk: Gvk): Bag {
  const manifest = dropNulls(reveal(inputs)) as Bag;
  if (!isSecretKind(gvk) || manifest["stringData"] === undefined) return manifest;
  const { stringData, ...rest } = manifest;
  const encoded = mapBag(stringData as Bag, (value) =>
    typeof value === "string" ? Buffer.from(value).toString("base64") : undefined,
  );
  return { ...rest, data: { ...(rest["data"] as Bag | undefined), ...encoded } };
}

function dropNulls(value: Value): Value {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (!isBag(value)) return value;
  return mapBag(value, (item) => (item === null ? undefined : dropNulls(item)));
}
