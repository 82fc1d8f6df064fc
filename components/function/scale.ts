/**
 * `scale` of a function: what OpenFaaS has labels for becomes those, the rest is `spec.scale`. The
 * rules are those for both.
 */
import {
  dropEmptyFields,
  type Finding,
  findMistakes,
  LABEL,
  ScaleSpec,
  toText,
} from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";

/** Fields that are labels, with every value known. */
interface LabelValues {
  min?: number;
  max?: number;
  factorPercent?: number;
  zero?: boolean;
  zeroAfterSeconds?: number;
  type?: string;
  target?: number;
  targetProportion?: number;
}

/** `FunctionScale` with every value known. */
export interface ScaleValues extends LabelValues, ScaleSpec {}

type LabelField = keyof LabelValues;

/** The label of each field, by OpenFaaS' documentation of its autoscaler. */
export const SCALE_LABELS: Readonly<Record<LabelField, string>> = {
  min: LABEL.scaleMin,
  max: LABEL.scaleMax,
  factorPercent: LABEL.scaleFactor,
  zero: LABEL.scaleZero,
  zeroAfterSeconds: LABEL.scaleZeroDuration,
  type: LABEL.scaleType,
  target: LABEL.scaleTarget,
  targetProportion: LABEL.scaleTargetProportion,
};

const FIELDS = Object.keys(SCALE_LABELS) as LabelField[];

/** Fields of `spec.scale`. */
const SPEC_FIELDS = ["signals", "up", "down", "floors"] as const;

/** Labels say these with a unit, which their rules have in words. */
const SECONDS: Readonly<Partial<Record<string, string>>> = {
  zeroAfterSeconds: "seconds from 10 to 86400",
};

/** Whether a scale says more than labels do. */
export function hasScaleSpec(scale: object = {}): boolean {
  const given = scale as Partial<Record<string, unknown>>;
  return SPEC_FIELDS.some((field) => given[field] !== undefined);
}

/** The labels `com.openfaas.scale.*` for those values that are given. */
export function toScaleLabels(scale: ScaleValues): Record<string, string> {
  return Object.fromEntries(
    FIELDS.filter((field) => scale[field] !== undefined).map((field) => [
      SCALE_LABELS[field],
      `${String(scale[field])}${field in SECONDS ? "s" : ""}`,
    ]),
  );
}

/** `spec.scale` for those values that are given, without optional texts that are empty. */
export function toScaleSpec(scale: ScaleValues): ScaleSpec {
  const given = SPEC_FIELDS.filter((field) => scale[field] !== undefined);
  const spec = Object.fromEntries(given.map((field) => [field, scale[field]]));
  return dropEmptyFields(ScaleSpec, spec as ScaleSpec);
}

/**
 * Returns `scale` when each value is in range and has an effect, and all go together.
 *
 * @param labels that the function has beside it
 */
export function checkScale(scale: ScaleValues, labels: Record<string, string> = {}): ScaleValues {
  const mistakes = findMistakes({
    labels: { ...labels, ...toScaleLabels(scale) },
    ...(hasScaleSpec(scale) && { scale: toScaleSpec(scale) }),
  });
  if (mistakes.length > 0) {
    throw new ArgumentError(mistakes.map((found) => toText(rename(found, scale))).join("; "));
  }
  return scale;
}

/** A finding in the words of the arguments. */
function rename(finding: Finding, scale: ScaleValues): Finding {
  const field = FIELDS.find((each) => finding.field === `labels["${SCALE_LABELS[each]}"]`);
  if (field === undefined || scale[field] === undefined) {
    return { ...finding, expected: toArguments(finding.expected) };
  }
  const value = scale[field];
  const { expected } = finding;
  return {
    field: `scale.${field}`,
    expected: expected.startsWith("a duration")
      ? (SECONDS[field] ?? expected)
      : toArguments(expected),
    got: typeof value === "string" ? finding.got : String(value),
  };
}

/** Labels by the names of their arguments. */
function toArguments(text: string): string {
  return text.replaceAll(/com\.openfaas\.scale\.[-.a-z]*[a-z]/g, (label) => {
    const field = FIELDS.find((each) => SCALE_LABELS[each] === label);
    return field === undefined ? label : `scale.${field}`;
  });
}
