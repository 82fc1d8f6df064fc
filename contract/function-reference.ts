/** Names of functions in URLs, metrics and watches. */

/** What may stand between the slashes of `/function/<name>/`. */
export const NAME_PATTERN = /^[-a-zA-Z_0-9.]+$/;

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
