/** What the CRD's schema cannot say about a Function's spec, with the fields named. */
import { LABEL, SCALE, type FunctionResource } from "../contract/index.ts";
import { parseDuration } from "../contract/duration.ts";

const CONSTRAINT = /^([^=!\s]+)\s*==?\s*([^=!\s]*)$/;

/** Environment variables that hold a watchdog's time-outs. */
const TIMEOUTS = ["read_timeout", "write_timeout", "exec_timeout"] as const;

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
  for (const name of TIMEOUTS) {
    found.push(...findBadDuration(`spec.environment.${name}`, spec.environment?.[name]));
  }
  return [...found, ...findBadScale(spec.labels ?? {})];
}

function findBadDuration(field: string, text: string | undefined): string[] {
  try {
    if (text !== undefined) {
      parseDuration(text);
    }
    return [];
  } catch {
    return [`${field}: expected a duration such as 30s, got ${JSON.stringify(text)}`];
  }
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

/** A time-out from a Function's environment, milliseconds; 30 s unless it is set. */
export function timeoutOf({ spec }: FunctionResource, name: (typeof TIMEOUTS)[number]): number {
  try {
    return parseDuration(spec.environment?.[name] ?? "30s");
  } catch {
    return 30_000;
  }
}
