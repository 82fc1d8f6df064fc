/** Brings the cluster to what a Function says, one step at a time, and reports how it went. */
import {
  type CallTimeouts,
  FIELD_MANAGER,
  type FunctionResource,
  type FunctionStatus,
} from "../../../../contract/index.ts";
import { functionPath } from "../../../lib/function-path.ts";
import {
  isKubernetesStatus,
  type KubernetesClient,
  KubernetesError,
} from "../../../lib/kubernetes.ts";
import type { Logger } from "../../../lib/logger.ts";
import { Applier } from "../../kubernetes/applier.ts";
import { isNews, recordEvent } from "../../kubernetes/events.ts";
import type { Deployment, Pod, Service } from "../../kubernetes/types.ts";
import { findMistakes, initialReplicas } from "../../validate.ts";
import { adoptCode, listMountedMaps, pruneCode } from "./code-revisions.ts";
import { dependenciesOf, findMissing } from "./dependencies.ts";
import { toDeployment, toService } from "./manifests.ts";
import type { Problem } from "./pod-problem.ts";
import { toStatus } from "./status.ts";

/**
 * Whether functions of a namespace are looked after: they are, they will be in a moment, they are
 * about to go with it, or functions may not live there.
 */
export type NamespaceState = "served" | "preparing" | "ending" | "refused";

/** What the watches know, by `namespace/name`. */
export interface Caches {
  getFunction: (key: string) => FunctionResource | undefined;
  getDeployment: (key: string) => Deployment | undefined;
  getService: (key: string) => Service | undefined;
  /** Pods of a function that are not on their way out. */
  getPods: (key: string) => Pod[];
  stateOf: (namespace: string) => NamespaceState;
}

export interface ReconcilerOptions {
  client: KubernetesClient;
  logger: Logger;
  caches: Caches;
  /** The platform's time-outs of a call. */
  timeouts: CallTimeouts;
  /** Name of this instance, for Events. */
  identity: string;
  /** Throws when this instance may no longer write. Asked before each write. */
  assertLeading: () => void;
}

/** How often something that is missing is looked for again, milliseconds. */
const MISSING_RETRY_MS = 2000;

/** How often a refusal by the API server (a quota, say) is tried again, milliseconds. */
const REFUSED_RETRY_MS = 15_000;

interface Outcome {
  deployment: Deployment | undefined;
  problem?: Problem;
  retryMs?: number;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly applier: Applier;
  /** Dependencies that were found, by key. */
  readonly #found = new Map<string, string>();
  /** The code, and what pods still mount, for which older revisions were removed, by key. */
  readonly #pruned = new Map<string, string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.applier = new Applier(options.client);
  }

  /**
   * Reconciles the Function with this key. Returns milliseconds after which to try again, if it
   * waits for something that no watch reports. Throws when the API server cannot be reached.
   */
  async reconcile(key: string): Promise<number | undefined> {
    const { caches } = this.#options;
    const resource = caches.getFunction(key);
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) {
      // Garbage collection removes what it owned.
      this.#found.delete(key);
      this.#pruned.delete(key);
      return undefined;
    }
    const state = caches.stateOf(resource.metadata.namespace);
    // Who has a status keeps it over a restart; the function comes back when all is known.
    const isWaiting = state === "preparing" && resource.status?.conditions !== undefined;
    if (state === "ending" || isWaiting) {
      return undefined;
    }
    const outcome = await this.#converge(key, resource);
    const pods = caches.getPods(key);
    const { deployment, problem, retryMs } = outcome;
    const status = toStatus(resource, { deployment, pods, problem });
    await this.#writeStatus(resource, status);
    if (status.conditions?.[0]?.status === "True") {
      await this.#pruneOnce(key, resource, pods);
    }
    return retryMs;
  }

  async #converge(key: string, resource: FunctionResource): Promise<Outcome> {
    const { client, caches } = this.#options;
    const deployment = caches.getDeployment(key);
    const refusal = this.#findRefusal(resource);
    if (refusal !== undefined) {
      return { deployment, problem: refusal };
    }
    const dependencies = dependenciesOf(resource);
    if (this.#found.get(key) !== dependencies || !isReady(resource)) {
      const missing = await findMissing(client, resource);
      if (missing !== undefined) {
        this.#found.delete(key);
        return { deployment, problem: missing, retryMs: MISSING_RETRY_MS };
      }
    }
    try {
      const applied = await this.#apply(key, resource);
      this.#found.set(key, dependencies);
      return { deployment: applied };
    } catch (error) {
      if (isRefusal(error)) {
        const problem = { reason: error.reason || "Refused", message: error.message };
        return { deployment, problem, retryMs: REFUSED_RETRY_MS };
      }
      throw error;
    }
  }

  #findRefusal(resource: FunctionResource): Problem | undefined {
    const { namespace } = resource.metadata;
    const state = this.#options.caches.stateOf(namespace);
    if (state === "refused") {
      const message = `namespace ${namespace}: expected the annotation openfaas: "1", got none`;
      return { reason: "NamespaceNotEnabled", message };
    }
    if (state === "preparing") {
      const message = `namespace ${namespace}: is being set up for functions`;
      return { reason: "NamespaceNotReady", message };
    }
    const mistakes = findMistakes(resource);
    return mistakes.length === 0
      ? undefined
      : { reason: "InvalidSpec", message: mistakes.join("; ") };
  }

  async #apply(key: string, resource: FunctionResource): Promise<Deployment> {
    const { client, caches, assertLeading } = this.#options;
    assertLeading();
    if (resource.spec.replicas === undefined) {
      await this.#writeInitialScale(resource);
    }
    if (this.#found.get(key) !== dependenciesOf(resource)) {
      await adoptCode(client, resource);
    }
    assertLeading();
    await this.applier.apply({
      plural: "services",
      object: toService(resource),
      live: caches.getService(key),
    });
    assertLeading();
    return await this.applier.apply({
      group: "apps",
      plural: "deployments",
      object: toDeployment(resource, this.#options.timeouts),
      live: caches.getDeployment(key),
    });
  }

  /** Until somebody has written replicas, the scale subresource cannot even be read. */
  async #writeInitialScale(resource: FunctionResource): Promise<void> {
    const replicas = initialReplicas(resource);
    const path = functionPath(resource.metadata, "scale");
    await this.#options.client.mergePatch(path, { spec: { replicas } }, FIELD_MANAGER.operator);
  }

  async #writeStatus(resource: FunctionResource, status: FunctionStatus): Promise<void> {
    if (isSame(resource.status, status)) {
      return;
    }
    const { client, logger, caches, identity, assertLeading } = this.#options;
    assertLeading();
    const path = functionPath(resource.metadata, "status");
    try {
      await client.mergePatch(path, { status }, FIELD_MANAGER.operator);
    } catch (error) {
      if (isKubernetesStatus(error, 404)) {
        return;
      }
      throw error;
    }
    const before = resource.status?.conditions?.find(({ type }) => type === "Ready");
    const after = status.conditions?.[0];
    if (after !== undefined && isNews(before, after)) {
      const { namespace, name } = resource.metadata;
      const { status: ready, reason, message } = after;
      logger.info({ function: `${namespace}/${name}`, ready, reason, message }, "status changed");
      if (caches.stateOf(namespace) === "served") {
        await recordEvent({ client, logger, identity }, resource, after);
      }
    }
  }

  async #pruneOnce(key: string, resource: FunctionResource, pods: Pod[]): Promise<void> {
    const map = resource.spec.code?.configMap;
    // Old pods hold on to old revisions, which can go only after them.
    const situation = [map, ...listMountedMaps(pods)].join(" ");
    if (map === undefined || this.#pruned.get(key) === situation) {
      return;
    }
    this.#options.assertLeading();
    const removed = await pruneCode(this.#options.client, resource, pods);
    this.#pruned.set(key, situation);
    if (removed.length > 0) {
      this.#options.logger.info({ function: key, removed }, "old code removed");
    }
  }
}

function isReady({ status }: FunctionResource): boolean {
  return status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") ?? false;
}

/** Whether the API server understood and said no, so that only another spec or time helps. */
function isRefusal(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && [400, 403, 422].includes(error.status);
}

function isSame(before: FunctionStatus | undefined, after: FunctionStatus): boolean {
  return before !== undefined && toComparable(before) === toComparable(after);
}

/** Keys in a fixed order: the API server has its own. */
function toComparable(status: FunctionStatus): string {
  return JSON.stringify(status, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
