/** `scale` of a function: OpenFaaS keeps it in labels, and the rules are those for the labels. */
import { findMistakes, LABEL, toText } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";

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

type ScaleField = keyof ScaleValues;

const LABELS: Readonly<Record<ScaleField, string>> = {
  min: LABEL.scaleMin,
  max: LABEL.scaleMax,
  factorPercent: LABEL.scaleFactor,
  zero: LABEL.scaleZero,
  zeroAfterSeconds: LABEL.scaleZeroDuration,
  type: LABEL.scaleType,
  target: LABEL.scaleTarget,
};

const FIELDS = Object.keys(LABELS) as ScaleField[];

/** The labels `com.openfaas.scale.*` for those values that are given. */
export function toScaleLabels(scale: ScaleValues): Record<string, string> {
  return Object.fromEntries(
    FIELDS.filter((field) => scale[field] !== undefined).map((field) => [
      LABELS[field],
      `${String(scale[field])}${field === "zeroAfterSeconds" ? "s" : ""}`,
    ]),
  );
}

/** Returns `scale` when each value is in range, has an effect, and `min` does not exceed `max`. */
export function checkScale(scale: ScaleValues): ScaleValues {
  const mistakes = findMistakes({ labels: toScaleLabels(scale) }).map((finding) => {
    const field = FIELDS.find((each) => finding.field.includes(`"${LABELS[each]}"`));
    return field === undefined
      ? finding
      : {
          field: `scale.${field}`,
          expected: finding.expected.replace(LABEL.scaleMax, "scale.max"),
          got: typeof scale[field] === "string" ? finding.got : String(scale[field]),
        };
  });
  if (mistakes.length > 0) {
    throw new ArgumentError(mistakes.map(toText).join("; "));
  }
  return scale;
}
