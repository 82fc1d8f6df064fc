/** Keys of Functions: `namespace/name`. */
import { LABEL, toKey } from "../../../contract/index.ts";
import type { Metadata } from "./types.ts";

/** The key of the Function that an object is labelled with; undefined without the label. */
export function functionKey({ metadata }: { metadata: Metadata }): string | undefined {
  const name = metadata.labels?.[LABEL.function];
  return name === undefined ? undefined : toKey({ name, namespace: metadata.namespace ?? "" });
}

/** The namespace of a key. */
export function namespaceOfKey(key: string): string {
  return key.slice(0, key.indexOf("/"));
}
