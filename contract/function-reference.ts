/** Names of functions in URLs, metrics and watches. */
import { FUNCTION_SEGMENT } from "./grammar.ts";

/** What may stand between the slashes of `/function/<name>/`. */
export const NAME_PATTERN = new RegExp(FUNCTION_SEGMENT);

export interface FunctionReference {
  name: string;
  namespace: string;
}

/** Splits at the last dot; without a dot the default namespace is meant. */
export function splitName(text: string, defaultNamespace: string): FunctionReference {
  const dot = text.lastIndexOf(".");
  return dot === -1
    ? { name: text, namespace: defaultNamespace }
    : { name: text.slice(0, dot), namespace: text.slice(dot + 1) };
}

/** `namespace/name`, as the watches key their objects. */
export function toKey({ name, namespace }: FunctionReference): string {
  return `${namespace}/${name}`;
}

/** `name.namespace`, as metrics and messages show a function. */
export function toDisplayName({ name, namespace }: FunctionReference): string {
  return `${name}.${namespace}`;
}
