/** Checks of what a program says of pods: as the API server does them, but in the preview. */
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { DNS_NAME, isMatch, LABEL_VALUE, toField } from "../../contract/index.ts";
import { check, checkKey, VALUE_WORDS } from "../labels.ts";
import { toLabels } from "./pods.ts";

type Toleration = pulumi.Unwrap<k8s.types.input.core.v1.Toleration>;
type PullSecret = pulumi.Unwrap<k8s.types.input.core.v1.LocalObjectReference>;

/** Annotations by which pods are replaced when a file that they mount has changed. */
const OWN_ANNOTATIONS = "plonk/";

/** Of taints. */
const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/** Returns `name` when Kubernetes takes it for that of an object, or for a host. */
export function checkSubdomain(
  field: string,
  name: string,
  expected = "lower-case letters, digits, hyphens and dots, with a letter or digit at both ends",
): string {
  check(name.length <= 253 && isMatch(DNS_NAME, name), name, [field, expected]);
  return name;
}

/** Labels of the platform's own, by which Services, policies and Prometheus find pods. */
export const OWN_LABELS: readonly string[] = Object.keys(toLabels(""));

/** Returns `annotations` when Kubernetes takes them, and none is the platform's own. */
export function checkAnnotations(
  field: string,
  annotations: Record<string, string>,
): Record<string, string> {
  for (const [key, value] of Object.entries(annotations)) {
    const at = toField([field, key]);
    checkKey(field, key);
    check(!key.startsWith(OWN_ANNOTATIONS), value, [at, "none of the platform's own"]);
    check(typeof value === "string", value, [at, "a text"]);
  }
  return annotations;
}

/** Returns `tolerations` when each of them can match a taint. */
export function checkTolerations(field: string, tolerations: Toleration[]): Toleration[] {
  tolerations.forEach((toleration, index) => checkToleration(`${field}[${index}]`, toleration));
  return tolerations;
}

function checkToleration(at: string, toleration: Toleration): void {
  const { key = "", operator = "Equal", value = "" } = toleration;
  const isExists = operator === "Exists";
  check(isExists || operator === "Equal", operator, [`${at}.operator`, "Exists or Equal"]);
  if (key === "") {
    check(isExists, operator, [`${at}.operator`, "Exists, as there is no key"]);
  } else {
    checkKey(`${at}.key`, key);
  }
  check(isExists ? value === "" : isMatch(LABEL_VALUE, value), value, [
    `${at}.value`,
    isExists ? "none with the operator Exists" : VALUE_WORDS,
  ]);
  checkEffect(at, toleration);
}

function checkEffect(at: string, { effect = "", tolerationSeconds }: Toleration): void {
  const isKnown = effect === "" || EFFECTS.includes(effect);
  check(isKnown, effect, [`${at}.effect`, `one of ${EFFECTS.join(", ")}`]);
  check(tolerationSeconds === undefined || effect === "NoExecute", tolerationSeconds, [
    `${at}.tolerationSeconds`,
    "none without the effect NoExecute",
  ]);
}

/** Returns `secrets` when each of them names one. */
export function checkPullSecrets(field: string, secrets: PullSecret[]): PullSecret[] {
  secrets.forEach(({ name = "" }, index) => checkSubdomain(`${field}[${index}].name`, name));
  return secrets;
}
