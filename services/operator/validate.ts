/** What the API server lets pass of a Function's spec and no pod can be made of, field by field. */
import {
  findMistakes as findSpecMistakes,
  type FunctionResource,
  parseConstraint,
  quote,
  scaleLimits,
  toText,
} from "../../contract/index.ts";

/** Mistakes in a spec, as `field: expected …, got …`; empty when there are none. */
export function findMistakes({ metadata, spec }: FunctionResource): string[] {
  const found = findSpecMistakes(spec, (field) => `spec.${field}`);
  if (spec.name !== metadata.name) {
    const expected = `metadata.name (${metadata.name})`;
    found.unshift({ field: "spec.name", expected, got: quote(spec.name) });
  }
  return found.map(toText);
}

/** `constraints` as a node selector; what does not parse is left out (see `findMistakes`). */
export function toNodeSelector(constraints: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    constraints.flatMap((constraint) => {
      const label = parseConstraint(constraint);
      return label === undefined ? [] : [[label.key, label.value]];
    }),
  );
}

/** Replicas of a Function whose scale nobody has written yet: its minimum, or 1. */
export function initialReplicas(resource: FunctionResource): number {
  return scaleLimits(resource).min;
}
