/** The controller of Functions: their Deployment, Service, code and status. */
import {
  adjustReplicas,
  type CallTimeouts,
  FIELD_MANAGER,
  type FunctionResource,
  isAutoscaled,
  type ProfileResource,
  readProfileNames,
  scaleLimits,
  toDisplayName,
  toKey,
} from "../../../../contract/index.ts";
import { functionPath } from "../../../lib/function-path.ts";
import type { KubernetesClient } from "../../../lib/kubernetes.ts";
import type { Logger } from "../../../lib/logger.ts";
import type { Registry } from "../../../lib/metrics.ts";
import {
  type Controller,
  enqueueOn,
  type ReconcileResult,
  type Trigger,
} from "../../kubernetes/controller.ts";
import type { Informers } from "../../kubernetes/informers.ts";
import { functionKey } from "../../kubernetes/keys.ts";
import type { Deployment, Metadata, Pod } from "../../kubernetes/types.ts";
import type { ScaleDecisions } from "../../scale-decisions.ts";
import { findMistakes, initialReplicas } from "../../validate.ts";
import { listMountedMaps, pruneCode } from "./code-revisions.ts";
import { createDriftReport } from "./drift-report.ts";
import { type Found, KnownDependencies } from "./known-dependencies.ts";
import { toDeployment } from "./manifests.ts";
import { FunctionObjects, isOfAnother, isRefusal } from "./objects.ts";
import { type Problem, toRefusal } from "./pod-problem.ts";
import { findProfiles, type FoundProfiles } from "./profiles.ts";
import { Rollouts } from "./rollouts.ts";
import { StartFailures } from "./start-failures.ts";
import { toStatus } from "./status.ts";
import { StatusWriter } from "./status-writer.ts";

export interface FunctionControllerOptions {
  client: KubernetesClient;
  logger: Logger;
  informers: Informers;
  /** Where Profiles are. */
  platformNamespace: string;
  /** The platform's time-outs of a call. */
  timeouts: CallTimeouts;
  /** Secrets of their namespace by which the images of all functions are pulled. @default none */
  imagePullSecrets?: readonly string[];
  /** What its load has to say of a function's replicas. */
  decisions: ScaleDecisions;
  /** Name of this instance, for Events. */
  identity: string;
  registry: Registry;
  /** Milliseconds of a clock that is never set. @default the process's own */
  now?: () => number;
}

/** How often something that is missing is looked for again, milliseconds. */
const MISSING_RETRY_MS = 2000;

/** How often a refusal by the API server (a quota, say) is tried again, milliseconds. */
const REFUSED_RETRY_MS = 15_000;

/** How far a Function got. */
interface Progress extends ReconcileResult {
  deployment: Deployment | undefined;
  /** What kept it from being applied. */
  problem?: Problem;
  /** What has gone since it was applied first. */
  lost?: Problem | undefined;
  /** The same of what its pods do not need. */
  stale?: Problem | undefined;
  /** What its pods are made from. */
  template?: object;
}

/** Its scale was written, which brings another turn: this one saw the one before. */
interface Outdated {
  isOutdated: true;
}

/** Its keys are `namespace/name` of Functions. */
export class FunctionController implements Controller {
  readonly name = "function";
  readonly informers: readonly Trigger[];
  readonly #options: FunctionControllerOptions;
  readonly #objects: FunctionObjects;
  readonly #status: StatusWriter;
  readonly #dependencies: KnownDependencies;
  readonly #starts: StartFailures;
  readonly #rollouts: Rollouts;
  /** The code, and what pods still mount, for which older revisions were removed, by key. */
  readonly #pruned = new Map<string, string>();

  constructor(options: FunctionControllerOptions) {
    this.#options = options;
    const { informers, now = () => performance.now() } = options;
    const { functions, deployments, services, budgets, pods, namespaces, profiles } = informers;
    this.#objects = new FunctionObjects({ ...options, functions });
    this.#status = new StatusWriter({ ...options, namespaces });
    const onDrift = createDriftReport({ ...options, functions })("ConfigMap");
    this.#dependencies = new KnownDependencies({ ...options, now, onDrift });
    this.#starts = new StartFailures({ ...options, now });
    this.#rollouts = new Rollouts(now);
    this.informers = [
      enqueueOn(functions, "change", ({ key }: { key: string }) => [key]),
      enqueueOn(deployments, "change", toFunctionKeys),
      enqueueOn(services, "change", toFunctionKeys),
      enqueueOn(budgets, "change", toFunctionKeys),
      enqueueOn(pods, "change", toFunctionKeys),
      enqueueOn(profiles, "change", ({ key }: { key: string }) => this.#keysWith(key)),
      enqueueOn(namespaces, "change", (namespace: string) => this.#keysIn(namespace)),
      enqueueOn(namespaces, "synced", (namespace: string) => this.#keysIn(namespace)),
      enqueueOn(options.decisions, "change", (key: string) => [key]),
    ];
  }

  keys(): string[] {
    const { functions } = this.#options.informers;
    return Array.from(functions.values(), ({ metadata }) => toKey(metadata));
  }

  /** Throws when the API server cannot be reached. */
  async reconcile(key: string): Promise<ReconcileResult> {
    const { functions, namespaces } = this.#options.informers;
    const resource = functions.get(key);
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) {
      // Garbage collection removes what it owned.
      this.#dependencies.forget(key);
      this.#starts.forget(key);
      this.#rollouts.forget(key);
      this.#pruned.delete(key);
      return {};
    }
    const state = namespaces.state(resource.metadata.namespace);
    // A status from before a restart stays until the informers of its namespace have synced.
    const isWaiting = state === "preparing" && resource.status?.conditions !== undefined;
    if (state === "ending" || isWaiting) {
      return {};
    }
    const progress = await this.#converge(key, resource);
    return "isOutdated" in progress ? {} : this.#tell(key, resource, progress);
  }

  /** Writes the status, and removes code that nothing needs any more. */
  async #tell(
    key: string,
    resource: FunctionResource,
    { deployment, problem, lost, stale, template, requeueAfterMs }: Progress,
  ): Promise<ReconcileResult> {
    const { informers, decisions } = this.#options;
    const pods = informers.pods.byIndex(key);
    const { failure, waitMs } = await this.#starts.find(key, pods);
    const rollout = this.#rollouts.look({ key, resource, deployment, template });
    const told = { failure, scaling: decisions.of(key), ...rollout };
    const status = toStatus(resource, { deployment, pods, problem, lost, stale, ...told });
    await this.#status.write(resource, status);
    if (status.conditions?.[0]?.status === "True") {
      await this.#pruneOnce(key, resource, pods);
    }
    const drifts = template === undefined ? [] : this.#objects.waitsMs(key);
    return toResult([requeueAfterMs, waitMs, rollout.waitMs, ...drifts]);
  }

  #keysIn(namespace: string): string[] {
    const { functions } = this.#options.informers;
    return Array.from(functions.values())
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map(({ metadata }) => toKey(metadata));
  }

  /** Keys of the Functions that name a profile. @param profile - key of it */
  #keysWith(profile: string): string[] {
    const { functions } = this.#options.informers;
    return Array.from(functions.values())
      .filter(({ spec }) =>
        readProfileNames(spec.annotations).some((name) => this.#toProfileKey(name) === profile),
      )
      .map(({ metadata }) => toKey(metadata));
  }

  #toProfileKey(name: string): string {
    return toKey({ namespace: this.#options.platformNamespace, name });
  }

  /** All that a Function refers to, or the first thing that is missing. */
  async #look(
    resource: FunctionResource,
    deployment: Deployment | undefined,
  ): Promise<(Found & FoundProfiles) | { missing: Problem }> {
    const { informers, platformNamespace: namespace } = this.#options;
    const get = (name: string): ProfileResource | undefined =>
      informers.profiles.get(this.#toProfileKey(name));
    const chosen = findProfiles(resource, deployment, { namespace, get });
    if ("missing" in chosen) {
      return chosen;
    }
    const key = toKey(resource.metadata);
    const found = await this.#dependencies.look(key, resource, deployment !== undefined);
    return "missing" in found ? found : { ...found, ...chosen };
  }

  async #converge(key: string, resource: FunctionResource): Promise<Progress | Outdated> {
    const { informers } = this.#options;
    const deployment = informers.deployments.get(key);
    const refusal = this.#findRefusal(resource);
    if (refusal !== undefined) {
      return { deployment, problem: refusal };
    }
    const found = await this.#look(resource, deployment);
    if ("missing" in found) {
      return { deployment, problem: found.missing, requeueAfterMs: MISSING_RETRY_MS };
    }
    try {
      if (deployment !== undefined && isOfAnother(deployment, resource)) {
        await this.#objects.remove(deployment);
        return { deployment: undefined, requeueAfterMs: MISSING_RETRY_MS };
      }
      if (deployment !== undefined && (await this.#adjustScale(resource, deployment))) {
        return { isOutdated: true };
      }
      return await this.#apply(resource, found);
    } catch (error) {
      if (isRefusal(error)) {
        const problem = toRefusal(error.reason || "Refused", error.message);
        return { deployment, problem, requeueAfterMs: REFUSED_RETRY_MS };
      }
      throw error;
    }
  }

  #findRefusal(resource: FunctionResource): Problem | undefined {
    const { namespace } = resource.metadata;
    const state = this.#options.informers.namespaces.state(namespace);
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

  /**
   * Writes the replicas, unless its load scales it, when other limits are set than those that the
   * Deployment has as labels.
   */
  async #adjustScale(resource: FunctionResource, { metadata }: Deployment): Promise<boolean> {
    const { replicas } = resource.spec;
    if (replicas === undefined || isAutoscaled(resource.spec)) {
      return false;
    }
    const before = scaleLimits({ spec: { labels: metadata.labels ?? {} } });
    const wanted = adjustReplicas(replicas, before, scaleLimits(resource));
    if (wanted === replicas) {
      return false;
    }
    await this.#writeScale(resource, wanted);
    return true;
  }

  async #apply(resource: FunctionResource, found: Found & FoundProfiles): Promise<Progress> {
    const { timeouts, imagePullSecrets: common = [] } = this.#options;
    const key = toKey(resource.metadata);
    if (resource.spec.replicas === undefined) {
      // Until replicas are written, the scale subresource cannot even be read.
      await this.#writeScale(resource, initialReplicas(resource));
    }
    const { profiles, lost, stale, pullSecrets: own } = found;
    await this.#dependencies.adopt(key, resource, found);
    const { wanted, deployment, refused } = await this.#objects.apply(
      resource,
      (it) => toDeployment(resource, timeouts, { own, common, profiles: it }),
      profiles,
    );
    const waits = [this.#dependencies.keep(key, found), refused && REFUSED_RETRY_MS];
    const { template } = wanted.spec;
    return { deployment, lost, stale: stale ?? refused, template, ...toResult(waits) };
  }

  /** Throws a Conflict when it is not as it was seen: somebody else may have scaled meanwhile. */
  async #writeScale({ metadata }: FunctionResource, replicas: number): Promise<void> {
    const { resourceVersion } = metadata;
    const scale = { metadata: { resourceVersion }, spec: { replicas } };
    const path = functionPath(metadata, "scale");
    await this.#options.client.mergePatch(path, scale, FIELD_MANAGER.operator);
  }

  async #pruneOnce(key: string, resource: FunctionResource, pods: Pod[]): Promise<void> {
    const map = resource.spec.code?.configMap;
    // Revisions that old pods mount can be removed only after those pods.
    const situation = [map, ...listMountedMaps(pods)].join(" ");
    if (map === undefined || this.#pruned.get(key) === situation) {
      return;
    }
    const { client, logger } = this.#options;
    const removed = await pruneCode(client, resource, pods);
    this.#pruned.set(key, situation);
    if (removed.length > 0) {
      const functionName = toDisplayName(resource.metadata);
      logger.info({ functionName, removed }, "old code removed");
    }
  }
}

/** The Function that an object belongs to, by its label. */
function toFunctionKeys({
  current,
  previous,
}: {
  current: { metadata: Metadata } | undefined;
  previous: { metadata: Metadata } | undefined;
}): string[] {
  const object = current ?? previous;
  const key = object && functionKey(object);
  return key === undefined ? [] : [key];
}

/** Another turn at the first of these times. */
function toResult(waits: readonly (number | undefined)[]): ReconcileResult {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? {} : { requeueAfterMs: Math.min(...known) };
}
