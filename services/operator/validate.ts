/** What the CRD's schema cannot say about a Function's spec, with the fields named. */
import { findBadTimeouts, type FunctionResource, LABEL, SCALE } from "../../contract/index.ts";

const CONSTRAINT = /^([^=!\s]+)\s*==?\s*([^=!\s]*)$/;

/** Mistakes in a spec, as `field: expectation, got value`; empty when there are none. */
export function findMistakes({ metadata, spec }: FunctionResource): string[] {
  const found: string[] = [];
  if (spec.name !== metadata.name) {
    found.push(`spec.name: must equal metadata.name (${metadata.name}), got ${spec.name}`);
  }
  if (spec.code !== undefined && spec.handler !== undefined) {
    found.push(`spec.handler: must not be set together with spec.code, got ${spec.handler}`);
  }
  for (const constraint of spec.constraints ?? []) {
    if (!CONSTRAINT.test(constraint)) {
      found.push(`spec.constraints: expected key=value, got ${JSON.stringify(constraint)}`);
    }
  }
  const { labels = {} } = spec;
  return [...found, ...findBadTimeouts(spec), ...findBadScale(labels), ...findBadLimit(labels)];
}

function findBadScale(labels: Record<string, string>): string[] {
  const found: string[] = [];
  for (const label of [LABEL.scaleMin, LABEL.scaleMax]) {
    const text = labels[label];
    if (text !== undefined && !(/^\d+$/.test(text) && Number(text) <= SCALE.hardMax)) {
      found.push(
        `spec.labels["${label}"]: expected a number from 0 to ${SCALE.hardMax}, got ${JSON.stringify(text)}`,
      );
    }
  }
  return found;
}

function findBadLimit(labels: Record<string, string>): string[] {
  const text = labels[LABEL.maxInflight];
  return text === undefined || /^\d{1,9}$/.test(text)
    ? []
    : [`spec.labels["${LABEL.maxInflight}"]: expected a number, got ${JSON.stringify(text)}`];
}

/** `constraints` as a node selector; what does not parse is left out (see `findMistakes`). */
export function toNodeSelector(constraints: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    constraints.flatMap((constraint) => {
      const [, key, value] = CONSTRAINT.exec(constraint) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value]];
    }),
  );
}

/** Replicas of a Function whose scale nobody has written yet: its minimum, or 1. */
export function initialReplicas({ spec }: FunctionResource): number {
  const text = spec.labels?.[LABEL.scaleMin] ?? "";
  return /^\d+$/.test(text) ? Math.min(Number(text), SCALE.hardMax) : SCALE.min;
}
