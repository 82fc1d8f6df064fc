/** The check of a namespace's name, wherever an argument is one. */
import { toText } from "../contract/index.ts";
import { findSchemaMistakes } from "../contract/schema-findings.ts";
import { NamespaceName } from "../contract/syntax.ts";
import { ArgumentError } from "./errors.ts";

/**
 * Returns `name` when a namespace can have it.
 *
 * @param field name for the message
 */
export function checkNamespace(name: string, field = "namespace"): string {
  const [mistake] = findSchemaMistakes(NamespaceName, name, { root: field, isShown: () => true });
  if (mistake !== undefined) {
    throw new ArgumentError(toText(mistake));
  }
  return name;
}
