/** Diffs the inputs of a command: an update runs it again, or the resource is replaced. */
import type { DiffResult, PropertyChange } from "../provider-protocol/provider.ts";
import {
  equals,
  isAsset,
  isPropertyMap,
  type PropertyMap,
  readField,
  unwrap,
  type Value,
} from "../provider-protocol/values.ts";

type Change = "add" | "delete" | "update";

/**
 * Every changed input is an update, which runs `update`, or `create` if there is none. Changed
 * `triggers` replace the resource, so that its `delete` runs too; the SDK requests the same by
 * `replaceOnChanges`.
 */
export function diffInputs(oldInputs: PropertyMap, newInputs: PropertyMap): DiffResult {
  const changes = diffFields("", oldInputs, newInputs).map(
    ([path, change]): [string, PropertyChange] => [
      path,
      /^triggers(\[|$)/.test(path) ? `${change}-replace` : change,
    ],
  );
  return { changed: changes.length > 0, detailedDiff: Object.fromEntries(changes) };
}

function diffFields(prefix: string, before: PropertyMap, after: PropertyMap): [string, Change][] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) =>
    diffValue(`${prefix}${key}`, readField(before, key), readField(after, key)),
  );
}

function diffValue(path: string, before?: Value, after?: Value): [string, Change][] {
  if (before === undefined) {
    return after === undefined ? [] : [[path, "add"]];
  }
  if (after === undefined) {
    return [[path, "delete"]];
  }
  if (equals(before, after)) {
    return [];
  }
  const [left, right] = [unwrap(before), unwrap(after)];
  if (isFolded(left) && isFolded(right)) {
    return diffFields(`${path}.`, left, right);
  }
  if (!Array.isArray(left) || !Array.isArray(right)) {
    return [[path, "update"]];
  }
  return diffItems(path, left, right);
}

function diffItems(path: string, before: Value[], after: Value[]): [string, Change][] {
  const length = Math.max(before.length, after.length);
  return Array.from({ length }, (_, index) => index).flatMap((index) =>
    diffValue(`${path}[${index}]`, before[index], after[index]),
  );
}

/** Whether changes inside a value are listed individually; an asset changes as a whole. */
function isFolded(value: Value | undefined): value is PropertyMap {
  return isPropertyMap(value) && !isAsset(value);
}
