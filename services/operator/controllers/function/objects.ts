/** The objects of a Function: its Deployment, Service and PodDisruptionBudget. */
import { CRD, type FunctionResource, toKey } from "../../../../contract/index.ts";
import {
  isKubernetesStatus,
  type KubernetesClient,
  resourcePath,
} from "../../../lib/kubernetes.ts";
import { Applier } from "../../kubernetes/applier.ts";
import { DEPLOYMENT_SHARED, SERVICE_SHARED } from "../../kubernetes/foreign-fields.ts";
import type { Informers } from "../../kubernetes/informers.ts";
import type { Deployment, DisruptionBudget, Service } from "../../kubernetes/types.ts";
import { createDriftReport, type DriftReportOptions } from "./drift-report.ts";
import { toDisruptionBudget, toService, type WantedDeployment } from "./manifests.ts";

export interface FunctionObjectsOptions extends DriftReportOptions {
  client: KubernetesClient;
  informers: Pick<Informers, "deployments" | "services" | "budgets">;
}

/** So many pods make a budget useful: a node that is drained does not take all of them at once. */
const BUDGET_REPLICAS = 2;

export class FunctionObjects {
  readonly #options: FunctionObjectsOptions;
  readonly #deployments: Applier<Deployment>;
  readonly #services: Applier<Service>;
  readonly #budgets: Applier<DisruptionBudget>;

  constructor(options: FunctionObjectsOptions) {
    this.#options = options;
    const { client, informers } = options;
    const report = createDriftReport(options);
    this.#deployments = new Applier({
      client,
      informers: informers.deployments,
      shared: DEPLOYMENT_SHARED,
      onDrift: report("Deployment"),
    });
    this.#services = new Applier({
      client,
      informers: informers.services,
      shared: SERVICE_SHARED,
      onDrift: report("Service"),
    });
    this.#budgets = new Applier({
      client,
      informers: informers.budgets,
      onDrift: report("PodDisruptionBudget"),
    });
  }

  /** Applies them all; returns the Deployment. Throws a KubernetesError. */
  async apply(resource: FunctionResource, wanted: WantedDeployment): Promise<Deployment> {
    const { informers } = this.#options;
    await this.#services.apply(toService(resource));
    const deployment = await this.#deployments.apply(wanted);
    // One that is there stays: of a single pod it keeps nobody from anything.
    const hasBudget = informers.budgets.get(toKey(resource.metadata)) !== undefined;
    if (hasBudget || wanted.spec.replicas >= BUDGET_REPLICAS) {
      await this.#budgets.apply(toDisruptionBudget(resource));
    }
    return deployment;
  }

  /** After how long to apply again: what others have written, and was left, is taken back then. */
  waitsMs(key: string): (number | undefined)[] {
    return [this.#deployments, this.#services, this.#budgets].map((it) => it.waitMs(key));
  }

  /**
   * Removes what a Function of the same name has left that is gone: taken over, its pods would
   * serve until there are others. Garbage collection has not come to it yet, or never will.
   */
  async remove({ metadata: { name, namespace = "", uid } }: Deployment): Promise<void> {
    const { client } = this.#options;
    const path = resourcePath({ group: "apps", plural: "deployments", namespace, name });
    const body = { preconditions: { uid }, propagationPolicy: "Background" };
    await client.request(path, { method: "DELETE", body }).catch((error: unknown) => {
      if (!isKubernetesStatus(error, 404) && !isKubernetesStatus(error, 409)) {
        throw error;
      }
    });
  }
}

/** Whether a Deployment was made for another Function of this name, which is gone by now. */
export function isOfAnother(
  { metadata }: Deployment,
  { metadata: { uid } }: FunctionResource,
): boolean {
  return metadata.ownerReferences?.some((it) => it.kind === CRD.kind && it.uid !== uid) ?? false;
}
