/** The controller of Functions: their Deployment, Service, code and status. */
import {
  type CallTimeouts,
  FIELD_MANAGER,
  type FunctionResource,
  toKey,
} from "../../../../contract/index.ts";
import { functionPath } from "../../../lib/function-path.ts";
import { type KubernetesClient, KubernetesError } from "../../../lib/kubernetes.ts";
import type { Logger } from "../../../lib/logger.ts";
import { Applier } from "../../kubernetes/applier.ts";
import {
  type Controller,
  enqueueOn,
  type ReconcileResult,
  type Trigger,
} from "../../kubernetes/controller.ts";
import type { Informers } from "../../kubernetes/informers.ts";
import { functionKey } from "../../kubernetes/keys.ts";
import type { Leadership } from "../../kubernetes/leader-election.ts";
import type { Deployment, Metadata, Pod, Service } from "../../kubernetes/types.ts";
import { findMistakes, initialReplicas } from "../../validate.ts";
import { adoptCode, listMountedMaps, pruneCode } from "./code-revisions.ts";
import { dependenciesOf, findMissing } from "./dependencies.ts";
import { toDeployment, toService } from "./manifests.ts";
import type { Problem } from "./pod-problem.ts";
import { toStatus } from "./status.ts";
import { StatusWriter } from "./status-writer.ts";

export interface FunctionControllerOptions {
  client: KubernetesClient;
  logger: Logger;
  informers: Informers;
  leadership: Pick<Leadership, "assertLeading">;
  /** The platform's time-outs of a call. */
  timeouts: CallTimeouts;
  /** Name of this instance, for Events. */
  identity: string;
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
}

/** Its keys are `namespace/name` of Functions. */
export class FunctionController implements Controller {
  readonly name = "function";
  readonly informers: readonly Trigger[];
  readonly #options: FunctionControllerOptions;
  readonly #deployments: Applier<Deployment>;
  readonly #services: Applier<Service>;
  readonly #status: StatusWriter;
  /** Dependencies that were found, by key. */
  readonly #found = new Map<string, string>();
  /** The code, and what pods still mount, for which older revisions were removed, by key. */
  readonly #pruned = new Map<string, string>();

  constructor(options: FunctionControllerOptions) {
    this.#options = options;
    const { client, informers } = options;
    const { functions, deployments, services, pods, namespaces } = informers;
    this.#deployments = new Applier(client, deployments);
    this.#services = new Applier(client, services);
    this.#status = new StatusWriter({ ...options, namespaces });
    this.informers = [
      enqueueOn(functions, "change", ({ key }: { key: string }) => [key]),
      enqueueOn(deployments, "change", toFunctionKeys),
      enqueueOn(services, "change", toFunctionKeys),
      enqueueOn(pods, "change", toFunctionKeys),
      enqueueOn(namespaces, "change", (namespace: string) => this.#keysIn(namespace)),
      enqueueOn(namespaces, "synced", (namespace: string) => this.#keysIn(namespace)),
    ];
  }

  keys(): string[] {
    const { functions } = this.#options.informers;
    return Array.from(functions.values(), ({ metadata }) => toKey(metadata));
  }

  /** Throws when the API server cannot be reached. */
  async reconcile(key: string): Promise<ReconcileResult> {
    const { functions, namespaces, pods } = this.#options.informers;
    const resource = functions.get(key);
    if (resource === undefined || resource.metadata.deletionTimestamp !== undefined) {
      // Garbage collection removes what it owned.
      this.#found.delete(key);
      this.#pruned.delete(key);
      return {};
    }
    const state = namespaces.state(resource.metadata.namespace);
    // A status from before a restart stays until the informers of its namespace have synced.
    const isWaiting = state === "preparing" && resource.status?.conditions !== undefined;
    if (state === "ending" || isWaiting) {
      return {};
    }
    const { deployment, problem, ...result } = await this.#converge(key, resource);
    const itsPods = pods.byIndex(key);
    const status = toStatus(resource, { deployment, pods: itsPods, problem });
    await this.#status.write(resource, status);
    if (status.conditions?.[0]?.status === "True") {
      await this.#pruneOnce(key, resource, itsPods);
    }
    return result;
  }

  #keysIn(namespace: string): string[] {
    const { functions } = this.#options.informers;
    return Array.from(functions.values())
      .filter(({ metadata }) => metadata.namespace === namespace)
      .map(({ metadata }) => toKey(metadata));
  }

  async #converge(key: string, resource: FunctionResource): Promise<Progress> {
    const { client, informers } = this.#options;
    const deployment = informers.deployments.get(key);
    const refusal = this.#findRefusal(resource);
    if (refusal !== undefined) {
      return { deployment, problem: refusal };
    }
    const dependencies = dependenciesOf(resource);
    if (this.#found.get(key) !== dependencies || !isReady(resource)) {
      const missing = await findMissing(client, resource);
      if (missing !== undefined) {
        this.#found.delete(key);
        return { deployment, problem: missing, requeueAfterMs: MISSING_RETRY_MS };
      }
    }
    try {
      const applied = await this.#apply(key, resource);
      this.#found.set(key, dependencies);
      return { deployment: applied };
    } catch (error) {
      if (isRefusal(error)) {
        const problem = { reason: error.reason || "Refused", message: error.message };
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

  async #apply(key: string, resource: FunctionResource): Promise<Deployment> {
    const { client, leadership, timeouts } = this.#options;
    leadership.assertLeading();
    if (resource.spec.replicas === undefined) {
      await this.#writeInitialScale(resource);
    }
    if (this.#found.get(key) !== dependenciesOf(resource)) {
      await adoptCode(client, resource);
    }
    leadership.assertLeading();
    await this.#services.apply(toService(resource));
    leadership.assertLeading();
    return await this.#deployments.apply(toDeployment(resource, timeouts));
  }

  /** Until replicas are written, the scale subresource cannot even be read. */
  async #writeInitialScale(resource: FunctionResource): Promise<void> {
    const replicas = initialReplicas(resource);
    const path = functionPath(resource.metadata, "scale");
    await this.#options.client.mergePatch(path, { spec: { replicas } }, FIELD_MANAGER.operator);
  }

  async #pruneOnce(key: string, resource: FunctionResource, pods: Pod[]): Promise<void> {
    const map = resource.spec.code?.configMap;
    // Revisions that old pods mount can be removed only after those pods.
    const situation = [map, ...listMountedMaps(pods)].join(" ");
    if (map === undefined || this.#pruned.get(key) === situation) {
      return;
    }
    const { client, logger, leadership } = this.#options;
    leadership.assertLeading();
    const removed = await pruneCode(client, resource, pods);
    this.#pruned.set(key, situation);
    if (removed.length > 0) {
      logger.info({ function: key, removed }, "old code removed");
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

function isReady({ status }: FunctionResource): boolean {
  return status?.conditions?.some((it) => it.type === "Ready" && it.status === "True") ?? false;
}

/** Whether the API server refused what was sent: only another spec, or time, helps. */
function isRefusal(error: unknown): error is KubernetesError {
  return error instanceof KubernetesError && [400, 403, 422].includes(error.status);
}
