/** The differences between the inputs of last time and those of now, field by field. */
import { equals, isBag, readField, unwrap, type Bag, type Value } from "../lib/values.ts";
import type { Segment } from "./paths.ts";

export interface Difference {
  path: Segment[];
  kind: "add" | "delete" | "update";
}

/** All differences. Equal inputs, the usual case, cost one walk and no memory. */
export function compareInputs(before: Bag, after: Bag): Difference[] {
  if (equals(before, after)) return [];
  const found: Difference[] = [];
  compareBags(found, [], { before, after });
  return found;
}

interface Pair<T> {
  before: T;
  after: T;
}

function compareBags(found: Difference[], path: Segment[], { before, after }: Pair<Bag>): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const pair = { before: readField(before, key), after: readField(after, key) };
    compareValues(found, [...path, key], pair);
  }
}

function compareValues(found: Difference[], path: Segment[], pair: Pair<Value | undefined>): void {
  const before = unwrap(pair.before);
  const after = unwrap(pair.after);
  // An explicit null and an absent field are the same to the API.
  if ((before ?? null) === null && (after ?? null) === null) return;
  if (equals(before, after)) return;
  if (isBag(before) && isBag(after)) compareBags(found, path, { before, after });
  else if (Array.isArray(before) && Array.isArray(after)) {
    compareLists(found, path, { before, after });
  } else found.push({ path, kind: toKind(before, after) });
}

function compareLists(
  found: Difference[],
  path: Segment[],
  { before, after }: Pair<Value[]>,
): void {
  for (let index = 0; index < Math.max(before.length, after.length); index += 1) {
    compareValues(found, [...path, index], { before: before[index], after: after[index] });
  }
}

function toKind(before: Value | undefined, after: Value | undefined): Difference["kind"] {
  if (before === undefined || before === null) return "add";
  return after === undefined || after === null ? "delete" : "update";
}
