/** Names, namespaces and annotations of objects: those of the program and those of the API. */
import { isBag, readField, UNKNOWN, unwrap, type Bag, type Value } from "../lib/values.ts";

/** Annotations of Pulumi's Kubernetes provider, as its documentation has them. */
export const ANNOTATION = {
  autonamed: "pulumi.com/autonamed",
  deletionPropagation: "pulumi.com/deletionPropagationPolicy",
  fieldManager: "pulumi.com/patchFieldManager",
  patchForce: "pulumi.com/patchForce",
  replaceUnready: "pulumi.com/replaceUnready",
  skipAwait: "pulumi.com/skipAwait",
  timeoutSeconds: "pulumi.com/timeoutSeconds",
  waitFor: "pulumi.com/waitFor",
} as const;

/** A field by its path, through secrets. Undefined when there is none. */
export function get(bag: Value | undefined, ...path: string[]): Value | undefined {
  let value = unwrap(bag);
  for (const key of path) {
    if (!isBag(value)) return value === UNKNOWN ? UNKNOWN : undefined;
    value = unwrap(readField(value, key));
  }
  return value;
}

/** A string field by its path; undefined when it is absent, unknown or no string. */
export function getString(bag: Value | undefined, ...path: string[]): string | undefined {
  const value = get(bag, ...path);
  return typeof value === "string" ? value : undefined;
}

/** A number field by its path; undefined when it is absent, unknown or no number. */
export function getNumber(bag: Value | undefined, ...path: string[]): number | undefined {
  const value = get(bag, ...path);
  return typeof value === "number" ? value : undefined;
}

/** The items of a list by its path; none when it is absent. */
export function getItems(bag: Value | undefined, ...path: string[]): Value[] {
  const value = get(bag, ...path);
  return Array.isArray(value) ? value : [];
}

export function getAnnotation(object: Bag, name: string): string | undefined {
  return getString(object, "metadata", "annotations", name);
}

/** Name of the object; empty when it is unknown. */
export function getName(object: Bag): string {
  return getString(object, "metadata", "name") ?? "";
}

/** Namespace of the object; undefined in cluster-wide kinds. */
export function getNamespace(object: Bag): string | undefined {
  return getString(object, "metadata", "namespace");
}

/** The resource's id, as Pulumi has it: `namespace/name`, or `name` in cluster-wide kinds. */
export function toId(object: Bag): string {
  const namespace = getNamespace(object);
  return namespace === undefined ? getName(object) : `${namespace}/${getName(object)}`;
}

/** The reverse of `toId`. An id without a namespace leaves it open. */
export function parseId(id: string): { name: string; namespace: string | undefined } {
  const slash = id.indexOf("/");
  if (slash < 0) return { name: id, namespace: undefined };
  return { name: id.slice(slash + 1), namespace: id.slice(0, slash) };
}

/** The object with some fields of its metadata set. Unknown metadata stays as it is. */
export function withMetadata(object: Bag, fields: Bag): Bag {
  const metadata = object["metadata"] === undefined ? {} : unwrap(object["metadata"]);
  if (!isBag(metadata)) return object;
  return { ...object, metadata: { ...metadata, ...fields } };
}

/** The object with an annotation set. Unknown annotations stay as they are. */
export function withAnnotation(object: Bag, name: string, value: string): Bag {
  const annotations = get(object, "metadata", "annotations") ?? {};
  if (!isBag(annotations)) return object;
  return withMetadata(object, { annotations: { ...annotations, [name]: value } });
}
