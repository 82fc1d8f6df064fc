/** What the schema cannot say of a deployment, found before Kubernetes or the operator does. */
import { DURATION_PATTERN } from "../../../contract/duration.ts";
import {
  type FunctionDeployment,
  isUnavailableLabel,
  LABEL,
  SCALE,
  WATCHDOG_TIMEOUTS,
} from "../../../contract/index.ts";
import { failures, HttpError } from "../errors.ts";
import { quote } from "./validation-message.ts";

/** Kubernetes' limit for all annotations of one object together, bytes. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

const DURATION = new RegExp(DURATION_PATTERN);

const MOST: Readonly<Record<string, number>> = {
  [LABEL.scaleMin]: SCALE.hardMax,
  [LABEL.scaleMax]: SCALE.hardMax,
  [LABEL.scaleFactor]: 100,
};

/** Throws a BadRequest that names the mistakes of a deployment, if it has any. */
export function checkDeployment(deployment: FunctionDeployment): void {
  const mistakes = [
    ...findHandlerMistakes(deployment),
    ...findScaleMistakes(deployment.labels ?? {}),
    ...findUnavailable(deployment.labels ?? {}),
    ...findAnnotationMistakes(deployment.annotations ?? {}),
    ...findTimeoutMistakes(deployment.envVars ?? {}),
  ];
  if (mistakes.length > 0) {
    throw new HttpError(failures.badRequest(mistakes.join("; ")));
  }
}

function findHandlerMistakes({ code, envProcess }: FunctionDeployment): string[] {
  return code !== undefined && envProcess !== undefined
    ? [`envProcess: expected none beside code, got ${quote(envProcess)}`]
    : [];
}

function findScaleMistakes(labels: Record<string, string>): string[] {
  const found = Object.entries(MOST).flatMap(([key, most]) => {
    const value = labels[key] ?? "0";
    return /^\d{1,9}$/.test(value) && Number(value) <= most
      ? []
      : [`labels["${key}"]: expected a whole number from 0 to ${most}, got ${quote(value)}`];
  });
  return found.length > 0 ? found : findScaleOrder(labels);
}

function findUnavailable(labels: Record<string, string>): string[] {
  return Object.entries(labels)
    .filter(([label, value]) => isUnavailableLabel(label, value))
    .map(
      ([label, value]) =>
        `labels["${label}"]: must be left out, it is not available yet, got ${quote(value)}`,
    );
}

function findScaleOrder(labels: Record<string, string>): string[] {
  const { [LABEL.scaleMin]: min, [LABEL.scaleMax]: max } = labels;
  return min !== undefined && max !== undefined && Number(min) > Number(max)
    ? [`labels["${LABEL.scaleMin}"]: must not exceed ${LABEL.scaleMax} (${max}), got ${min}`]
    : [];
}

function findAnnotationMistakes(annotations: Record<string, string>): string[] {
  const bytes = Object.entries(annotations)
    .flat()
    .reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes > MAX_ANNOTATION_BYTES
    ? [`annotations: expected at most ${MAX_ANNOTATION_BYTES} bytes, got ${bytes}`]
    : [];
}

function findTimeoutMistakes(variables: Record<string, string>): string[] {
  return WATCHDOG_TIMEOUTS.flatMap((name) => {
    const value = variables[name];
    return value === undefined || DURATION.test(value)
      ? []
      : [`envVars.${name}: expected a duration such as 30s, got ${quote(value)}`];
  });
}
