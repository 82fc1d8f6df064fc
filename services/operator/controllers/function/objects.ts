/** The objects of a Function: its Deployment, Service and PodDisruptionBudget. */
import { CRD, type FunctionResource, toKey } from "../../../../contract/index.ts";
import {
  isKubernetesStatus,
  type KubernetesClient,
  KubernetesError,
  resourcePath,
} from "../../../lib/kubernetes.ts";
import { Applier } from "../../kubernetes/applier.ts";
import { DEPLOYMENT_SHARED, SERVICE_SHARED } from "../../kubernetes/foreign-fields.ts";
import type { Informers } from "../../kubernetes/informers.ts";
import type { Deployment, DisruptionBudget, Metadata, Service } from "../../kubernetes/types.ts";
import { createDriftReport, type DriftReportOptions } from "./drift-report.ts";
import { toDisruptionBudget, toService, type WantedDeployment } from "./manifests.ts";
import { type Problem, toRefusal } from "./pod-problem.ts";
import { findFormer, type FoundProfiles } from "./profiles.ts";

export interface FunctionObjectsOptions extends DriftReportOptions {
  client: KubernetesClient;
  informers: Pick<Informers, "deployments" | "services" | "budgets">;
}

/** So many pods make a budget useful: a node that is drained does not take all of them at once. */
const BUDGET_REPLICAS = 2;

type Profiles = FoundProfiles["profiles"];

export interface AppliedObjects {
  wanted: WantedDeployment;
  deployment: Deployment;
  /** What the API server has refused, and the function serves without. */
  refused?: Problem;
}

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

  /**
   * Applies them all. Where the API server refuses what its profiles say now, its pods stay as they
   * were; without a budget it serves as well. Throws a KubernetesError.
   */
  async apply(
    resource: FunctionResource,
    toWanted: (profiles: Profiles) => WantedDeployment,
    profiles: Profiles,
  ): Promise<AppliedObjects> {
    await this.#services.apply(toService(resource));
    const applied = await this.#applyDeployment(resource, toWanted, profiles);
    try {
      await this.#applyBudget(resource, applied.wanted.spec.replicas);
      return applied;
    } catch (error) {
      return { refused: toRefused(error, "it has no PodDisruptionBudget"), ...applied };
    }
  }

  async #applyDeployment(
    { metadata }: FunctionResource,
    toWanted: (profiles: Profiles) => WantedDeployment,
    profiles: Profiles,
  ): Promise<AppliedObjects> {
    const wanted = toWanted(profiles);
    try {
      return { wanted, deployment: await this.#deployments.apply(wanted) };
    } catch (error) {
      const before = this.#options.informers.deployments.get(toKey(metadata));
      const former = findFormer(profiles, before);
      if (former === undefined) {
        throw error;
      }
      const refused = toRefused(error, "its pods are as they were with its profiles before");
      const asBefore = toWanted(former);
      return { wanted: asBefore, deployment: await this.#deployments.apply(asBefore), refused };
    }
  }

  /**
   * Applies the PodDisruptionBudget where there are several pods. One that somebody else has made
   * under its name is theirs.
   */
  async #applyBudget(resource: FunctionResource, replicas: number): Promise<void> {
    const { client, informers } = this.#options;
    const known = informers.budgets.get(toKey(resource.metadata));
    // One that is there stays: of a single pod it keeps nobody from anything.
    if (known === undefined && replicas < BUDGET_REPLICAS) {
      return;
    }
    const { name, namespace } = resource.metadata;
    const path = resourcePath({ ...informers.budgets.kind, namespace, name });
    // Without the label it is in no informer.
    const stored = known ?? (await client.find<DisruptionBudget>(path));
    if (stored === undefined || isOfFunction(stored)) {
      await this.#budgets.apply(toDisruptionBudget(resource));
    }
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

/**
 * Whether the API server refused what was sent: only another spec, or time, helps. Lists that name
 * a key twice are answered with 500.
 */
export function isRefusal(error: unknown): error is KubernetesError {
  return (
    error instanceof KubernetesError &&
    ([400, 403, 422].includes(error.status) ||
      error.message.includes("failed to create typed patch object"))
  );
}

/** Throws what is no refusal. */
function toRefused(error: unknown, effect: string): Problem {
  if (!isRefusal(error)) {
    throw error;
  }
  const { reason, message } = toRefusal(error.reason || "Refused", error.message);
  return { reason, message: `${effect}: ${message}` };
}

function isOfFunction({ metadata }: { metadata: Metadata }): boolean {
  return metadata.ownerReferences?.some(({ kind }) => kind === CRD.kind) ?? false;
}

/** Whether a Deployment was made for another Function of this name, which is gone by now. */
export function isOfAnother(
  { metadata }: Deployment,
  { metadata: { uid } }: FunctionResource,
): boolean {
  return metadata.ownerReferences?.some((it) => it.kind === CRD.kind && it.uid !== uid) ?? false;
}
