/** Checks of single arguments of a function; each throws `ArgumentError`. */
import { isQuantity, isUnavailableLabel, SCALE } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";

/** RFC 1123 label: the name becomes that of a Service. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Names of secrets may have dots (RFC 1123 subdomain). */
const SECRET_NAME =
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * Returns `name` when Kubernetes takes it.
 *
 * @param field name for the message: `name`, `namespace`
 */
export function checkName(name: string, field = "name"): string {
  if (NAME.test(name)) {
    return name;
  }
  throw new ArgumentError(
    `${field}: expected 1 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends, got ${quote(name)}`,
  );
}

/** Returns `name` when it can name a Secret. */
export function checkSecretName(name: string): string {
  if (SECRET_NAME.test(name)) {
    return name;
  }
  throw new ArgumentError(
    `name: expected lower-case letters, digits, hyphens and dots, got ${quote(name)}`,
  );
}

/**
 * Returns `value` when it is a Kubernetes quantity.
 *
 * @param field name for the message, e.g. `limits.memory`
 */
export function checkQuantity(field: string, value: string): string {
  if (isQuantity(value)) {
    return value;
  }
  throw new ArgumentError(
    `${field}: expected a quantity such as 128Mi or 100m, got ${quote(value)}`,
  );
}

/** Returns `value` when it says something. */
export function checkText(field: string, value: string): string {
  if (value.trim() !== "") {
    return value;
  }
  throw new ArgumentError(`${field}: must not be empty, got ${quote(value)}`);
}

/** Returns `value` when it is `key=value`. */
export function checkConstraint(value: string): string {
  if (/^[^=\s]+=[^=\s]*$/.test(value)) {
    return value;
  }
  throw new ArgumentError(`constraints: expected key=value, got ${quote(value)}`);
}

/** Returns `seconds` when it is a whole number from 1 to a day. */
export function checkTimeout(seconds: number): number {
  return checkWholeNumber("timeoutSeconds", seconds, { from: 1, to: 86_400 });
}

/** `FunctionScale` with every value known. */
export interface ScaleValues {
  min?: number;
  max?: number;
  factorPercent?: number;
  /** As it is anyway: `false` only. */
  zero?: boolean;
  zeroAfterSeconds?: number;
  type?: string;
  target?: number;
}

/** Returns `scale` when each value is in range, has an effect, and `min` does not exceed `max`. */
export function checkScale(scale: ScaleValues): ScaleValues {
  const { min = SCALE.min, max = SCALE.max, zero, zeroAfterSeconds, type, target } = scale;
  checkWholeNumber("scale.min", min, { from: 0, to: SCALE.hardMax });
  checkWholeNumber("scale.max", max, { from: 1, to: SCALE.hardMax });
  if (min > max) {
    throw new ArgumentError(`scale.min: must not exceed scale.max (${max}), got ${min}`);
  }
  checkWholeNumber("scale.factorPercent", scale.factorPercent ?? 0, { from: 0, to: 100 });
  for (const [field, value] of Object.entries({ zero, zeroAfterSeconds, type, target })) {
    // `zero: false` says what holds anyway.
    if (value !== undefined && value !== false) {
      throw new ArgumentError(
        `scale.${field}: must be left out, it is not available yet, got ${JSON.stringify(value)}`,
      );
    }
  }
  return scale;
}

/** Returns `labels` when each of OpenFaaS' that is among them has an effect here. */
export function checkLabels(labels: Record<string, string>): Record<string, string> {
  for (const [label, value] of Object.entries(labels)) {
    if (isUnavailableLabel(label, value)) {
      throw new ArgumentError(
        `labels["${label}"]: must be left out, it is not available yet, got ${quote(value)}`,
      );
    }
  }
  return labels;
}

function checkWholeNumber(
  field: string,
  value: number,
  range: { from: number; to: number },
): number {
  if (Number.isInteger(value) && value >= range.from && value <= range.to) {
    return value;
  }
  throw new ArgumentError(
    `${field}: expected a whole number from ${range.from} to ${range.to}, got ${value}`,
  );
}

/** What the message shows of a wrong text. */
function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}
