/** Why pods of a function are not ready, in the words of Kubernetes and of the function itself. */
import type { ContainerState, ContainerStatus, Deployment, Pod } from "../../kubernetes/types.ts";
import { findLateRollout, OVERDUE } from "./replicas.ts";

/** A reason in CamelCase, as conditions have it, and a message in one line. */
export interface Problem {
  reason: string;
  message: string;
}

const MAX_MESSAGE = 1000;

/** Why a pod does not come to have containers: its own status does not tell. */
export interface StartFailure extends Problem {
  podUid: string;
}

/** What the API server says where the rules of a namespace refuse something, each with a reason. */
const NAMESPACE_RULES: readonly (readonly [said: RegExp, reason: string])[] = [
  [/exceeded quota: .*/s, "QuotaExceeded"],
  // The quota counts a resource that is asked for by nobody.
  [/failed quota: .*/s, "LimitsMissing"],
  [
    /(?<=is forbidden: \[?)(?:m(?:in|ax)imum \S+ usage|\S+ max limit to request ratio) per .*[^\]]/s,
    "LimitRangeViolated",
  ],
];

/** Stands before what the last attempt to pull an image has said, and its reason. */
const PULL_BACK_OFF = /^Back-off pulling image "[^"]*"(?:: (?:(\w+): )?|$)/;

/** States of a waiting container that are no failure. */
const STARTING = new Set(["ContainerCreating", "PodInitializing", ""]);

/** The worst problem of a function's pods and Deployment; undefined when there is none yet. */
export function findProblem(
  deployment: Deployment | undefined,
  pods: readonly Pod[],
  failure?: StartFailure,
): Problem | undefined {
  for (const pod of toNewestFirst(pods)) {
    const problem = problemOfPod(pod) ?? problemOfStart(pod, failure);
    if (problem !== undefined) {
      return problem;
    }
  }
  return problemOfDeployment(deployment);
}

/** The newest pod that has a node, and no containers on it yet. */
export function findCreating(pods: readonly Pod[]): Pod | undefined {
  return toNewestFirst(pods).find(isCreating);
}

function isCreating({ status = {} }: Pod): boolean {
  const { phase = "Pending", conditions = [], containerStatuses = [] } = status;
  return (
    phase === "Pending" &&
    conditions.some((it) => it.type === "PodScheduled" && it.status === "True") &&
    containerStatuses.every(
      ({ state }) => state?.waiting && STARTING.has(state.waiting.reason ?? ""),
    )
  );
}

/** Pods that are not on their way out. */
function toNewestFirst(pods: readonly Pod[]): Pod[] {
  return pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .sort(
      ({ metadata: a }, { metadata: b }) =>
        compare(b.creationTimestamp, a.creationTimestamp) || compare(a.name, b.name),
    );
}

function compare(a = "", b = ""): number {
  return a < b ? -1 : Number(a > b);
}

function problemOfStart({ metadata }: Pod, failure?: StartFailure): Problem | undefined {
  return failure !== undefined && failure.podUid === metadata.uid
    ? toProblem(failure.reason, failure.message)
    : undefined;
}

function problemOfDeployment(deployment: Deployment | undefined): Problem | undefined {
  if (deployment === undefined) {
    return undefined;
  }
  const { conditions = [] } = deployment.status ?? {};
  const failure = conditions.find((it) => it.type === "ReplicaFailure" && it.status === "True");
  if (failure === undefined) {
    return findDelay(deployment);
  }
  const { reason = "FailedCreate", message = "pods cannot be created" } = failure;
  return toRefusal(reason, message);
}

/** What the API server has refused; of a quota or a LimitRange, what it says of that. */
export function toRefusal(reason: string, message: string): Problem {
  for (const [said, ofRule] of NAMESPACE_RULES) {
    const [part] = said.exec(message) ?? [];
    if (part !== undefined) {
      return toProblem(ofRule, part);
    }
  }
  return toProblem(reason, message);
}

/** Pods that do not come in time, and say nothing themselves. */
function findDelay(deployment: Deployment): Problem | undefined {
  const late = findLateRollout(deployment);
  return late && toProblem(late.reason ?? OVERDUE, late.message ?? "");
}

function problemOfPod({ status = {} }: Pod): Problem | undefined {
  const { phase, reason, message, conditions = [], containerStatuses = [] } = status;
  if (phase === "Failed") {
    return toProblem(reason ?? "PodFailed", message ?? "the pod has failed");
  }
  const unscheduled = conditions.find((it) => it.type === "PodScheduled" && it.status === "False");
  if (unscheduled !== undefined) {
    return toProblem("FailedScheduling", unscheduled.message ?? "no node takes the pod");
  }
  return containerStatuses
    .filter(({ ready }) => !ready)
    .map(problemOfContainer)
    .find((problem) => problem !== undefined);
}

function problemOfContainer(container: ContainerStatus): Problem | undefined {
  const { state = {}, lastState = {}, restartCount = 0 } = container;
  const { waiting, terminated } = state;
  if (waiting !== undefined && !STARTING.has(waiting.reason ?? "")) {
    return problemOfWaiting(waiting, lastState);
  }
  if (terminated !== undefined) {
    return toProblem(toEndReason(terminated), describeEnd(state));
  }
  return restartCount > 0
    ? toProblem("Restarting", `restarted ${restartCount} times; ${describeEnd(lastState)}`)
    : undefined;
}

function problemOfWaiting(
  { reason = "Waiting", message = "" }: NonNullable<ContainerState["waiting"]>,
  lastState: ContainerState,
): Problem {
  if (reason === "ImagePullBackOff") {
    return problemOfPull(message);
  }
  const isCrash = reason === "CrashLoopBackOff";
  return toProblem(reason, isCrash ? describeEnd(lastState) : message);
}

/** Kubelet says this in turn with what the last attempt has brought, which is what is told. */
function problemOfPull(message: string): Problem {
  const [start = "", reason = "ErrImagePull"] = PULL_BACK_OFF.exec(message) ?? [];
  return toProblem(reason, message.slice(start.length) || message);
}

/** Kubernetes' `Error` says nothing. */
function toEndReason({ reason = "Terminated" }: { reason?: string }): string {
  return reason === "Error" ? "Crashed" : reason;
}

/** How a container ended, with the last line that it wrote. */
function describeEnd({ terminated }: ContainerState): string {
  if (terminated === undefined) {
    return "the container has ended";
  }
  const { reason, exitCode, message = "" } = terminated;
  const end = reason === "OOMKilled" ? "out of memory" : `exit code ${exitCode}`;
  const line = message.trimEnd().split("\n").at(-1)?.trim() ?? "";
  return line === "" ? end : `${line} (${end})`;
}

function toProblem(reason: string, message: string): Problem {
  const line = message.replace(/\s+/g, " ").trim();
  const isLong = line.length > MAX_MESSAGE;
  return { reason, message: isLong ? `${line.slice(0, MAX_MESSAGE)}…` : line };
}
