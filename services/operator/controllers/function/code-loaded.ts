/** The condition CodeLoaded: whether a pod has loaded the code that the Function names. */
import { WATCHDOG_ENV } from "../../../../contract/environment/watchdog.ts";
import { CODE_ENTRY, codePath, type FunctionResource } from "../../../../contract/index.ts";
import type { Pod } from "../../kubernetes/types.ts";
import { listMountedMaps } from "./code-revisions.ts";
import type { ConditionState } from "./conditions.ts";
import type { Observation } from "./observation.ts";
import { findProblem, type Problem } from "./pod-problem.ts";

/**
 * Undefined for a Function without code. What was loaded once stays so while its pods are busy and
 * when they are gone; code is immutable.
 */
export function judgeCodeLoaded(
  resource: FunctionResource,
  { pods, problem, lost, failure }: Observation,
): ConditionState | undefined {
  const { code } = resource.spec;
  if (code === undefined) {
    return undefined;
  }
  const subject = `${code.entry ?? CODE_ENTRY} of ConfigMap ${code.configMap}`;
  const own = pods.filter((pod) => isOf(pod, code));
  if (own.some((pod) => isReady(pod, resource.spec.name))) {
    return { status: "True", reason: "Loaded", message: `${subject} is loaded` };
  }
  const missing = [problem, lost].find((it) => it?.reason === "CodeNotFound");
  if (missing !== undefined) {
    return toFailed(subject, missing);
  }
  return findLoaded(resource, subject) ?? toNotLoaded(subject, own, failure);
}

/** What was said of this code when a pod had loaded it. */
function findLoaded({ status }: FunctionResource, subject: string): ConditionState | undefined {
  const before = status?.conditions?.find(({ type }) => type === "CodeLoaded");
  return before?.status === "True" && before.message.startsWith(`${subject} `)
    ? { status: "True", reason: before.reason, message: before.message }
    : undefined;
}

function isOf(pod: Pod, code: NonNullable<FunctionResource["spec"]["code"]>): boolean {
  const variables = pod.spec?.containers?.flatMap(({ env }) => env ?? []) ?? [];
  return (
    pod.metadata.deletionTimestamp === undefined &&
    listMountedMaps([pod]).includes(code.configMap) &&
    variables.some(({ name, value }) => name === WATCHDOG_ENV.module && value === codePath(code))
  );
}

/** The runtime answers nothing before it has loaded its module; another container may be ready. */
function isReady({ status }: Pod, name: string): boolean {
  return status?.containerStatuses?.some((it) => it.name === name && it.ready) ?? false;
}

function toNotLoaded(
  subject: string,
  pods: readonly Pod[],
  failure: Observation["failure"],
): ConditionState {
  const worst = findProblem(undefined, pods, failure);
  return worst === undefined ? toPending(subject, pods) : toFailed(subject, worst);
}

function toPending(subject: string, pods: readonly Pod[]): ConditionState {
  return pods.length === 0
    ? { status: "Unknown", reason: "NoPods", message: `${subject} was not loaded: it has no pod` }
    : { status: "Unknown", reason: "Loading", message: `${subject} is not loaded yet` };
}

function toFailed(subject: string, { reason, message }: Problem): ConditionState {
  return { status: "False", reason, message: `${subject} is not loaded: ${message}` };
}
