/** When the controllers of Kubernetes call a rollout complete (`kubectl rollout status`). */
import type { Bag } from "../../lib/values.ts";
import { getNumber, getString } from "../metadata.ts";
import {
  describeCondition,
  failed,
  findCondition,
  READY,
  waiting,
  type Readiness,
} from "./conditions.ts";

/** All replicas of the current revision are available, and no old ones are left. */
export function checkDeployment(deployment: Bag): Readiness {
  if (!isObserved(deployment)) return waiting("the controller has not seen the change yet");
  const progress = findCondition(deployment, "Progressing");
  if (progress !== undefined && getString(progress, "reason") === "ProgressDeadlineExceeded") {
    return failed(describeCondition(progress));
  }
  const wanted = getNumber(deployment, "spec", "replicas") ?? 1;
  const updated = count(deployment, "updatedReplicas");
  if (updated < wanted) return waiting(`${ratio(updated, wanted)} replicas are updated`);
  const old = count(deployment, "replicas") - updated;
  if (old > 0) return waiting(`${String(old)} old replicas are still there`);
  const available = count(deployment, "availableReplicas");
  return available < updated
    ? waiting(`${ratio(available, updated)} updated replicas are available`)
    : READY;
}

/** All replicas are ready, and those that the update strategy covers are of the new revision. */
export function checkStatefulSet(set: Bag): Readiness {
  if (!isObserved(set)) return waiting("the controller has not seen the change yet");
  const wanted = getNumber(set, "spec", "replicas") ?? 1;
  const ready = count(set, "readyReplicas");
  if (ready < wanted) return waiting(`${ratio(ready, wanted)} replicas are ready`);
  if (getString(set, "spec", "updateStrategy", "type") === "OnDelete") return READY;
  const partition = getNumber(set, "spec", "updateStrategy", "rollingUpdate", "partition") ?? 0;
  const updated = count(set, "updatedReplicas");
  if (partition > 0) {
    const covered = Math.max(0, wanted - partition);
    return updated < covered ? waiting(`${ratio(updated, covered)} replicas are updated`) : READY;
  }
  const isRolling =
    getString(set, "status", "updateRevision") !== getString(set, "status", "currentRevision");
  return isRolling && wanted > 0
    ? waiting(`${ratio(updated, wanted)} replicas are updated`)
    : READY;
}

/** Every node that should run a pod runs one of the current revision. */
export function checkDaemonSet(set: Bag): Readiness {
  if (!isObserved(set)) return waiting("the controller has not seen the change yet");
  if (getString(set, "spec", "updateStrategy", "type") === "OnDelete") return READY;
  const wanted = count(set, "desiredNumberScheduled");
  const updated = count(set, "updatedNumberScheduled");
  if (updated < wanted) return waiting(`${ratio(updated, wanted)} nodes run the current pod`);
  const available = count(set, "numberAvailable");
  return available < wanted ? waiting(`${ratio(available, wanted)} pods are available`) : READY;
}

function isObserved(object: Bag): boolean {
  const generation = getNumber(object, "metadata", "generation") ?? 0;
  return (getNumber(object, "status", "observedGeneration") ?? 0) >= generation;
}

function count(object: Bag, field: string): number {
  return getNumber(object, "status", field) ?? 0;
}

function ratio(part: number, whole: number): string {
  return `${String(part)} of ${String(whole)}`;
}
