/** A Function's status from what is known of its Deployment and pods. */
import {
  type Condition,
  type FunctionResource,
  type FunctionStatus,
  LABEL,
} from "../../../../contract/index.ts";
import type { Deployment } from "../../kubernetes/types.ts";
import { judgeCodeLoaded } from "./code-loaded.ts";
import { type ConditionState, judgeDegraded, judgeProgressing, judgeScaled } from "./conditions.ts";
import type { Observation } from "./observation.ts";
import { findProblem, type Problem } from "./pod-problem.ts";
import { countReplicas, describeReplicas, hasAll, isObserved } from "./replicas.ts";

/** The whole status; times of conditions that did not change stay as they are. Ready is first. */
export function toStatus(resource: FunctionResource, observation: Observation): FunctionStatus {
  const { name, generation = 0 } = resource.metadata;
  const { replicas = 0, availableReplicas = 0 } = observation.deployment?.status ?? {};
  const before = resource.status?.conditions?.find(({ type }) => type === "Ready");
  const states: [type: string, state: ConditionState | undefined][] = [
    ["Ready", judge(observation, before?.status === "True")],
    ["Progressing", judgeProgressing(observation)],
    ["Degraded", judgeDegraded(observation)],
    ["Scaled", judgeScaled(resource, observation)],
    ["CodeLoaded", judgeCodeLoaded(resource, observation)],
  ];
  const { now = new Date() } = observation;
  return {
    observedGeneration: generation,
    replicas,
    availableReplicas,
    selector: `${LABEL.function}=${name}`,
    conditions: states.flatMap(([type, state]) =>
      state === undefined ? [] : [toCondition(resource, type, { ...state, now })],
    ),
  };
}

function toCondition(
  { metadata: { generation = 0 }, status }: FunctionResource,
  type: string,
  { now, ...state }: ConditionState & { now: Date },
): Condition {
  const previous = status?.conditions?.find((it) => it.type === type);
  const hasChanged = previous?.status !== state.status;
  return {
    type,
    ...state,
    lastTransitionTime: hasChanged ? toSeconds(now) : previous.lastTransitionTime,
    observedGeneration: generation,
  };
}

/** Kubernetes' times have no fractions of a second. */
function toSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

function judge(observation: Observation, wasReady: boolean): ConditionState {
  const { deployment, problem, lost } = observation;
  if (problem !== undefined) {
    return { status: "False", ...problem };
  }
  // While only its replicas are new, the pods that there are can serve.
  const isScaled = wasReady && observation.isSameTemplate === true;
  if (deployment === undefined || !(isScaled || isObserved(deployment))) {
    const updating = { reason: "Progressing", message: "the Deployment is being updated" };
    return { status: "False", ...(lost ?? updating) };
  }
  if (deployment.spec?.replicas === 0) {
    return lost === undefined
      ? { status: "True", reason: "ScaledToZero", message: "ready to start, 0 replicas" }
      : { status: "False", ...lost };
  }
  return judgeReplicas(deployment, observation, wasReady);
}

/** @param wasReady - it stays so while it is only more or fewer pods that it wants, or has */
function judgeReplicas(
  deployment: Deployment,
  { pods, lost, failure }: Observation,
  wasReady: boolean,
): ConditionState {
  const replicas = countReplicas(deployment);
  const message = describeReplicas(replicas);
  if (hasAll(replicas)) {
    return { status: "True", reason: "Available", message };
  }
  const problem = lost ?? findProblem(deployment, pods, failure);
  return wasReady && replicas.ready > 0 && !replicas.hasOld
    ? toServing(message, problem)
    : { status: "False", ...(problem ?? { reason: "Progressing", message }) };
}

/** It can serve, with fewer pods than it wants. */
function toServing(message: string, problem: Problem | undefined): ConditionState {
  return problem === undefined
    ? { status: "True", reason: "Scaling", message }
    : {
        status: "True",
        reason: "Degraded",
        message: `${message}; ${problem.reason}: ${problem.message}`,
      };
}
