/** How many pods there are, and how many there should be, by a Deployment. */
import type { Deployment, ObjectCondition } from "../../kubernetes/types.ts";

/** Reason of what is under way for longer than it may take. */
export const OVERDUE = "ProgressDeadlineExceeded";

export interface Replicas {
  wanted: number;
  /** Those of all revisions. */
  total: number;
  /** Of these, ready ones. */
  available: number;
  /** Ready ones of the newest revision. */
  ready: number;
  /** Whether there are pods of older revisions. */
  hasOld: boolean;
}

/** Old replicas that do not end yet are not counted by the Deployment. */
export function countReplicas({ spec, status = {} }: Deployment): Replicas {
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  return {
    wanted: spec?.replicas ?? 0,
    total: replicas,
    available: availableReplicas,
    ready: Math.min(updatedReplicas, availableReplicas),
    hasOld: replicas > updatedReplicas,
  };
}

export function describeReplicas({ ready, wanted }: Replicas): string {
  return `${Math.min(ready, wanted)} of ${wanted} replicas are ready`;
}

/** Whether all pods are there that are wanted, and of the newest revision. */
export function hasAll({ ready, wanted, hasOld }: Replicas): boolean {
  return ready >= wanted && !hasOld;
}

/** Whether the Deployment's status is about its spec of now. */
export function isObserved({ metadata, status }: Deployment): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** Whether nothing is under way: no pod is to come, and none to go. */
export function isComplete(deployment: Deployment): boolean {
  const replicas = countReplicas(deployment);
  return isObserved(deployment) && hasAll(replicas) && replicas.total <= replicas.wanted;
}

/** The condition that says that a rollout does not end. */
export function findLateRollout({ status }: Deployment): ObjectCondition | undefined {
  return status?.conditions?.find((it) => it.type === "Progressing" && it.status === "False");
}

/** Whether the newest revision was complete once, so that only replicas are missing. */
export function isScaling({ status }: Deployment): boolean {
  const rollout = status?.conditions?.find(({ type }) => type === "Progressing");
  return rollout?.reason === "NewReplicaSetAvailable";
}
