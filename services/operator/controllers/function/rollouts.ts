/** What is remembered of Functions' rollouts and scalings, beyond what a Deployment tells. */
import { createHash } from "node:crypto";
import type { FunctionResource } from "../../../../contract/index.ts";
import type { Deployment } from "../../kubernetes/types.ts";
import { PROGRESS_DEADLINE_SECONDS } from "./manifests.ts";
import { countReplicas, isComplete, isScaling, OVERDUE } from "./replicas.ts";

/** What a reconciliation has seen of a Function. */
export interface RolloutSight {
  key: string;
  resource: FunctionResource;
  deployment: Deployment | undefined;
  /** What its pods are made from; undefined where it was not applied. */
  template: object | undefined;
}

export interface RolloutState {
  /** Whether its pods are made from what those of the last complete rollout were made from. */
  isSameTemplate: boolean;
  /** Whether a scaling makes no progress any more: Deployments tell that of rollouts alone. */
  isOverdue: boolean;
  /** When it will be, if nothing happens. */
  waitMs?: number;
}

interface Progress {
  counts: string;
  since: number;
}

const DEADLINE_MS = PROGRESS_DEADLINE_SECONDS * 1000;

export class Rollouts {
  readonly #now: () => number;
  /** Digests of the templates of complete rollouts, by key. */
  readonly #served = new Map<string, string>();
  /** Since when the counts of a scaling are what they are, by key. */
  readonly #progress = new Map<string, Progress>();

  /** @param now - milliseconds of a clock that is never set */
  constructor(now: () => number) {
    this.#now = now;
  }

  look({ key, resource, deployment, template }: RolloutSight): RolloutState {
    const digest = template && toDigest(template);
    if (deployment !== undefined && digest !== undefined && isComplete(deployment)) {
      this.#served.set(key, digest);
    }
    const isSameTemplate = digest !== undefined && this.#served.get(key) === digest;
    return { isSameTemplate, ...this.#measure(key, resource, deployment) };
  }

  forget(key: string): void {
    this.#served.delete(key);
    this.#progress.delete(key);
  }

  #measure(
    key: string,
    resource: FunctionResource,
    deployment: Deployment | undefined,
  ): Omit<RolloutState, "isSameTemplate"> {
    if (deployment === undefined || isComplete(deployment) || !isScaling(deployment)) {
      this.#progress.delete(key);
      return { isOverdue: false };
    }
    const now = this.#now();
    const counts = toCounts(deployment);
    const known = this.#progress.get(key);
    const isNew = known?.counts !== counts;
    // What an operator before this one has said stays, until something changes.
    const start = known === undefined && wasOverdue(resource) ? now - DEADLINE_MS : now;
    const since = isNew ? start : known.since;
    this.#progress.set(key, { counts, since });
    const waitMs = since + DEADLINE_MS - now;
    return waitMs > 0 ? { isOverdue: false, waitMs } : { isOverdue: true };
  }
}

function toDigest(template: object): string {
  return createHash("sha256").update(JSON.stringify(template)).digest("base64");
}

function toCounts(deployment: Deployment): string {
  const { wanted, ready, total } = countReplicas(deployment);
  return [wanted, ready, total].join(" ");
}

function wasOverdue({ status }: FunctionResource): boolean {
  const before = status?.conditions?.find(({ type }) => type === "Progressing");
  return before?.status === "False" && before.reason === OVERDUE;
}
