/** A Function's status from what is known of its Deployment and pods. */
import {
  type Condition,
  type FunctionResource,
  type FunctionStatus,
  LABEL,
} from "../../../../contract/index.ts";
import type { Deployment, Pod } from "../../kubernetes/types.ts";
import { findProblem, type Problem } from "./pod-problem.ts";

/** What a status is made of. */
export interface Observation {
  deployment: Deployment | undefined;
  pods: readonly Pod[];
  /** What keeps the operator from applying the Function, if anything. */
  problem: Problem | undefined;
  /** @default now */
  now?: Date;
}

/** The whole status; times of conditions that did not change stay as they are. */
export function toStatus(resource: FunctionResource, observation: Observation): FunctionStatus {
  const { name, generation = 0 } = resource.metadata;
  const { replicas = 0, availableReplicas = 0 } = observation.deployment?.status ?? {};
  return {
    observedGeneration: generation,
    replicas,
    availableReplicas,
    selector: `${LABEL.function}=${name}`,
    conditions: [toReady(resource, observation, generation)],
  };
}

function toReady(
  { status }: FunctionResource,
  observation: Observation,
  observedGeneration: number,
): Condition {
  const { now = new Date() } = observation;
  const previous = status?.conditions?.find(({ type }) => type === "Ready");
  const ready = judge(observation, previous?.status === "True");
  const hasChanged = previous?.status !== ready.status;
  return {
    type: "Ready",
    ...ready,
    lastTransitionTime: hasChanged ? toSeconds(now) : previous.lastTransitionTime,
    observedGeneration,
  };
}

/** Kubernetes' times have no fractions of a second. */
function toSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

type ReadyState = Pick<Condition, "status" | "reason" | "message">;

function judge({ deployment, pods, problem }: Observation, wasReady: boolean): ReadyState {
  if (problem !== undefined) {
    return { status: "False", ...problem };
  }
  if (deployment === undefined || !isObserved(deployment)) {
    return { status: "False", reason: "Progressing", message: "the Deployment is being updated" };
  }
  if (deployment.spec?.replicas === 0) {
    return { status: "True", reason: "ScaledToZero", message: "ready to start, 0 replicas" };
  }
  return judgeReplicas(deployment, pods, wasReady);
}

/** @param wasReady - it stays so while it is only more or fewer pods that it wants, or has */
function judgeReplicas(
  deployment: Deployment,
  pods: readonly Pod[],
  wasReady: boolean,
): ReadyState {
  const { wanted, ready, hasOld } = countReplicas(deployment);
  const message = `${Math.min(ready, wanted)} of ${wanted} replicas are ready`;
  if (ready >= wanted && !hasOld) {
    return { status: "True", reason: "Available", message };
  }
  const problem = findProblem(deployment, pods);
  return wasReady && ready > 0 && !hasOld
    ? toServing(message, problem)
    : { status: "False", ...(problem ?? { reason: "Progressing", message }) };
}

/** Old replicas that do not end yet are not counted by the Deployment. */
function countReplicas({ spec, status = {} }: Deployment): {
  wanted: number;
  ready: number;
  hasOld: boolean;
} {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return {
    wanted: spec?.replicas ?? 0,
    ready: Math.min(updatedReplicas, availableReplicas),
    hasOld: replicas > updatedReplicas,
  };
}

/** It can serve, with fewer pods than it wants. */
function toServing(message: string, problem: Problem | undefined): ReadyState {
  return problem === undefined
    ? { status: "True", reason: "Scaling", message }
    : {
        status: "True",
        reason: "Degraded",
        message: `${message}; ${problem.reason}: ${problem.message}`,
      };
}

/** Whether the Deployment's status is about its spec of now. */
function isObserved({ metadata, status }: Deployment): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}
