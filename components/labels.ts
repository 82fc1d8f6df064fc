/** Labels of nodes and pods among arguments: as the API server checks them, but in the preview. */
import { isMatch, LABEL_VALUE, METADATA_KEY, quote, toField } from "../contract/index.ts";
import { ArgumentError } from "./errors.ts";

/** What the value of a label is. */
export const VALUE_WORDS =
  "at most 63 letters, digits, hyphens, dots and underscores, with a letter or digit at both ends";

/** Refuses `value` in the words of all messages. */
export function check(isRight: boolean, value: unknown, [field, expected]: [string, string]): void {
  if (!isRight) {
    throw new ArgumentError(`${field}: expected ${expected}, got ${quote(value)}`);
  }
}

/** Refuses a key that no label and no annotation can have. */
export function checkKey(field: string, key: string): void {
  check(isMatch(METADATA_KEY, key), key, [field, "keys such as team or example.com/team"]);
}

/** Returns the labels of a node, or of pods when none of them is the platform's own. */
export function checkLabels(
  field: string,
  labels: Record<string, string>,
  own: readonly string[] = [],
): Record<string, string> {
  for (const [key, value] of Object.entries(labels)) {
    const at = toField([field, key]);
    checkKey(field, key);
    check(!own.includes(key), value, [at, "no other value than the platform's own"]);
    check(isMatch(LABEL_VALUE, value), value, [at, VALUE_WORDS]);
  }
  return labels;
}
