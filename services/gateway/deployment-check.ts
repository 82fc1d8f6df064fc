/** What the schema cannot say of a deployment, found before Kubernetes or the operator does. */
import { LABEL, SCALE, type FunctionDeployment } from "../contract/index.ts";
import { parseDuration } from "../contract/duration.ts";
import { BadRequest } from "./errors.ts";
import { quote } from "./validation-message.ts";

/** Kubernetes' limit for all annotations of one object together, bytes. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Mistakes that one answer names. */
const MAX_NAMED = 10;

const NAME_PART = String.raw`[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?`;
const DNS_LABEL = String.raw`[a-z0-9]([-a-z0-9]*[a-z0-9])?`;

/** Kubernetes' qualified name: `[prefix/]name`. */
const KEY = new RegExp(String.raw`^((?=[^/]{1,253}/)${DNS_LABEL}(\.${DNS_LABEL})*/)?${NAME_PART}$`);
const LABEL_VALUE = new RegExp(`^(${NAME_PART})?$`);
const SECRET_NAME = new RegExp(String.raw`^(?=.{1,253}$)${DNS_LABEL}(\.${DNS_LABEL})*$`);

/** Kubernetes' quantity grammar (resource.Quantity), without signs. */
const QUANTITY = /^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$/;
const CONSTRAINT = /^[^=!\s]+\s*==?\s*[^=!\s]*$/;

/** Printable ASCII without the equals sign. */
const VARIABLE = /^[ -<>-~]+$/;

/** Environment variables that hold a watchdog's time-outs. */
const TIMEOUTS = ["read_timeout", "write_timeout", "exec_timeout"];

const RANGES: Readonly<Record<string, number>> = {
  [LABEL.scaleMin]: SCALE.hardMax,
  [LABEL.scaleMax]: SCALE.hardMax,
  [LABEL.scaleFactor]: 100,
};

/** Throws a BadRequest that names the mistakes of a deployment, if it has any. */
export function checkDeployment(deployment: FunctionDeployment): void {
  const mistakes = [
    ...findSourceMistakes(deployment),
    ...findLabelMistakes(deployment.labels ?? {}),
    ...findAnnotationMistakes(deployment.annotations ?? {}),
    ...findVariableMistakes(deployment.envVars ?? {}),
    ...findListMistakes(deployment),
    ...findQuantityMistakes("limits", deployment.limits ?? {}),
    ...findQuantityMistakes("requests", deployment.requests ?? {}),
  ];
  if (mistakes.length > 0) {
    throw new BadRequest(mistakes.slice(0, MAX_NAMED).join("; "));
  }
}

function findSourceMistakes({ image, code, envProcess }: FunctionDeployment): string[] {
  if ((image === undefined) === (code === undefined)) {
    return [`image: expected image or code, got ${image === undefined ? "neither" : "both"}`];
  }
  return code !== undefined && envProcess !== undefined && envProcess !== ""
    ? [`envProcess: expected none beside code, got ${quote(envProcess)}`]
    : [];
}

function findLabelMistakes(labels: Record<string, string>): string[] {
  const found = Object.entries(labels).flatMap(([key, value]) => {
    const expectation = KEY.test(key) ? expectLabelValue(key, value) : KEY_EXPECTATION;
    return expectation === undefined
      ? []
      : [`labels[${quote(key)}]: expected ${expectation}, got ${quote(value)}`];
  });
  return found.length > 0 ? found : findScaleOrder(labels);
}

const KEY_EXPECTATION =
  "a key of at most 63 letters, digits, -, _ and . after an optional DNS name and slash";

function expectLabelValue(key: string, value: string): string | undefined {
  const most = RANGES[key];
  if (most !== undefined) {
    const isInRange = /^\d{1,9}$/.test(value) && Number(value) <= most;
    return isInRange ? undefined : `a whole number from 0 to ${most}`;
  }
  return LABEL_VALUE.test(value)
    ? undefined
    : "at most 63 letters, digits, -, _ and ., with a letter or digit at both ends";
}

function findScaleOrder(labels: Record<string, string>): string[] {
  const { [LABEL.scaleMin]: min, [LABEL.scaleMax]: max } = labels;
  return min !== undefined && max !== undefined && Number(min) > Number(max)
    ? [`labels["${LABEL.scaleMin}"]: must not exceed ${LABEL.scaleMax} (${max}), got ${min}`]
    : [];
}

function findAnnotationMistakes(annotations: Record<string, string>): string[] {
  const entries = Object.entries(annotations);
  const bytes = entries
    .flat()
    .map((text) => Buffer.byteLength(text))
    .reduce((sum, size) => sum + size, 0);
  return [
    ...entries
      .filter(([key]) => !KEY.test(key))
      .map(([key]) => `annotations[${quote(key)}]: expected ${KEY_EXPECTATION}`),
    ...(bytes > MAX_ANNOTATION_BYTES
      ? [`annotations: expected at most ${MAX_ANNOTATION_BYTES} bytes, got ${bytes}`]
      : []),
  ];
}

function findVariableMistakes(variables: Record<string, string>): string[] {
  const names = Object.keys(variables)
    .filter((name) => !VARIABLE.test(name))
    .map((name) => `envVars: expected names in printable ASCII without =, got ${quote(name)}`);
  const durations = TIMEOUTS.filter((name) => !isDuration(variables[name])).map(
    (name) => `envVars.${name}: expected a duration such as 30s, got ${quote(variables[name])}`,
  );
  return [...names, ...durations];
}

function isDuration(text: string | undefined): boolean {
  try {
    return text === undefined || parseDuration(text) >= 0;
  } catch {
    return false;
  }
}

function findListMistakes({ constraints = [], secrets = [] }: FunctionDeployment): string[] {
  return [
    ...constraints
      .filter((text) => !CONSTRAINT.test(text))
      .map((text) => `constraints: expected key=value, got ${quote(text)}`),
    ...secrets
      .filter((name) => !SECRET_NAME.test(name))
      .map((name) => `secrets: expected a secret's name (RFC 1123), got ${quote(name)}`),
  ];
}

function findQuantityMistakes(field: string, quantities: Record<string, string>): string[] {
  return Object.entries(quantities)
    .filter(([, quantity]) => !QUANTITY.test(quantity))
    .map(
      ([name, quantity]) =>
        `${field}.${name}: expected a quantity such as 128Mi or 100m, got ${quote(quantity)}`,
    );
}
