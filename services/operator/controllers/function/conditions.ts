/** The conditions of a Function beside Ready: what is under way, what is wrong, and its scale. */
import {
  type Condition,
  type FunctionResource,
  isAutoscaled,
  scaleLimits,
} from "../../../../contract/index.ts";
import type { Deployment } from "../../kubernetes/types.ts";
import type { ScaleNews } from "../../scale-decisions.ts";
import type { Observation } from "./observation.ts";
import { findProblem, type Problem } from "./pod-problem.ts";
import {
  countReplicas,
  describeReplicas,
  findLateRollout,
  hasAll,
  isComplete,
  isObserved,
  isScaling,
  OVERDUE,
} from "./replicas.ts";

/** What a condition says. */
export type ConditionState = Pick<Condition, "status" | "reason" | "message">;

/** Whether a rollout or a scaling is under way: not when it is kept from going on. */
export function judgeProgressing(observation: Observation): ConditionState {
  const { deployment, problem, isSameTemplate = false } = observation;
  if (problem !== undefined) {
    return { status: "False", ...problem };
  }
  if (deployment === undefined || !isObserved(deployment)) {
    const reason = isSameTemplate ? "Scaling" : "RollingOut";
    return { status: "True", reason, message: "the Deployment is being updated" };
  }
  if (isComplete(deployment)) {
    return { status: "False", reason: "Complete", message: "nothing is under way" };
  }
  const delay = findDelay(deployment, observation);
  if (delay !== undefined) {
    return { status: "False", ...delay };
  }
  const reason = isScaling(deployment) ? "Scaling" : "RollingOut";
  return { status: "True", reason, message: describeReplicas(countReplicas(deployment)) };
}

/** The worst problem while something is not as it is wanted. */
export function judgeDegraded(observation: Observation): ConditionState {
  const { problem, lost, stale } = observation;
  const worst = problem ?? lost ?? findReplicaProblem(observation) ?? stale;
  return worst === undefined
    ? { status: "False", reason: "AsExpected", message: "no problem is known" }
    : { status: "True", ...worst };
}

function findReplicaProblem(observation: Observation): Problem | undefined {
  const { deployment, pods, failure } = observation;
  if (deployment === undefined) {
    return undefined;
  }
  if (!isObserved(deployment)) {
    // What it says is of a spec before this one.
    return findProblem(undefined, pods, failure);
  }
  return hasAll(countReplicas(deployment))
    ? undefined
    : (findProblem(deployment, pods, failure) ?? findDelay(deployment, observation));
}

/** That a rollout, by the Deployment, or a scaling does not end. */
function findDelay(deployment: Deployment, { isOverdue }: Observation): Problem | undefined {
  const late = findLateRollout(deployment);
  const counts = describeReplicas(countReplicas(deployment));
  if (late !== undefined) {
    return { reason: late.reason ?? OVERDUE, message: `${counts}; ${late.message ?? ""}` };
  }
  return isOverdue === true
    ? { reason: OVERDUE, message: `${counts}; no progress for longer than a rollout may take` }
    : undefined;
}

/** Whether there are as many pods as are wanted, of whatever revision, and which limit holds. */
export function judgeScaled(
  resource: FunctionResource,
  { deployment, scaling }: Observation,
): ConditionState {
  if (deployment === undefined) {
    return { status: "False", reason: "NotDeployed", message: "there is no Deployment" };
  }
  const { total, available, hasOld, ...replicas } = countReplicas(deployment);
  const wanted = resource.spec.replicas ?? replicas.wanted;
  const limit = findLimit(resource, wanted);
  const count = `${Math.min(available, wanted)} of ${wanted} replicas are available`;
  const message = [count, ...limit.notes, ...toNews(resource, scaling)].join("; ");
  if (available < wanted) {
    return { status: "False", reason: "TooFewReplicas", message };
  }
  const isUnknown = isAutoscaled(resource.spec) && scaling?.unknown !== undefined;
  // While new pods take the place of old ones there is one more.
  return total > wanted && !hasOld
    ? { status: "False", reason: "TooManyReplicas", message }
    : { status: "True", reason: isUnknown ? "LoadUnknown" : limit.reason, message };
}

/** Stands before the last decision, at the end of the message. */
const LAST = "last change: ";

/** What its load has to do with it, where that scales the function. */
function toNews(resource: FunctionResource, scaling: ScaleNews = {}): string[] {
  if (!isAutoscaled(resource.spec)) {
    return [];
  }
  const { unknown, last = findLast(resource) } = scaling;
  return [
    ...(unknown === undefined
      ? []
      : [`there will be no fewer while a load is unknown (${unknown})`]),
    ...(last === undefined ? [] : [`${LAST}${last}`]),
  ];
}

/** The last decision by the status: another instance may have made it. */
function findLast({ status }: FunctionResource): string | undefined {
  const before = status?.conditions?.find(({ type }) => type === "Scaled")?.message ?? "";
  const index = before.indexOf(LAST);
  return index < 0 ? undefined : before.slice(index + LAST.length);
}

function findLimit(
  resource: FunctionResource,
  wanted: number,
): { reason: string; notes: string[] } {
  const { min, max } = scaleLimits(resource);
  const notes = [
    ...(wanted <= min ? [`the minimum is ${min}`] : []),
    ...(wanted >= max ? [`the maximum is ${max}`] : []),
  ];
  if (wanted === 0) {
    return { reason: "ScaledToZero", notes };
  }
  const atLimit = wanted >= max ? "AtMaximum" : "AtMinimum";
  return { reason: notes.length > 0 ? atLimit : "WithinLimits", notes };
}
