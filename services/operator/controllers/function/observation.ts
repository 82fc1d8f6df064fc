/** What a reconciliation knows of a Function, of which its status is made. */
import type { Deployment, Pod } from "../../kubernetes/types.ts";
import type { ScaleNews } from "../../scale-decisions.ts";
import type { Problem, StartFailure } from "./pod-problem.ts";

export interface Observation {
  deployment: Deployment | undefined;
  pods: readonly Pod[];
  /** What keeps the operator from applying the Function, if anything. */
  problem: Problem | undefined;
  /** What has gone since it was applied: pods that run go on, and new ones do not start. */
  lost?: Problem | undefined;
  /** The same of what no pod needs to start: something that was taken over from before. */
  stale?: Problem | undefined;
  /** Why its newest pod does not come to have containers. */
  failure?: StartFailure | undefined;
  /** Whether its pods are made from what those were made from that it had all of. */
  isSameTemplate?: boolean;
  /** Whether a scaling makes no progress any more. */
  isOverdue?: boolean;
  /** What was decided of its replicas, where its load does. */
  scaling?: ScaleNews | undefined;
  /** @default now */
  now?: Date;
}
