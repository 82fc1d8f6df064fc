/** Live copies of all that controllers read: an informer for each kind, which they share. */
import {
  type FunctionResource,
  type PlatformNamespaces,
  PROFILE,
  type ProfileResource,
} from "../../../contract/index.ts";
import { functionPath } from "../../lib/function-path.ts";
import { isKubernetesStatus, type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { ResourceWatch, type WatchedObject } from "../../lib/watch.ts";
import { FunctionNamespaces } from "./function-namespaces.ts";
import { GatewayEndpoints } from "./gateway-endpoints.ts";
import { functionKey } from "./keys.ts";
import { NamespaceInformers } from "./namespace-informers.ts";
import {
  trimBudget,
  trimDeployment,
  trimFunction,
  trimPod,
  trimProfile,
  trimService,
} from "./transforms.ts";
import type { Deployment, DisruptionBudget, Pod, Service } from "./types.ts";

export interface InformersOptions extends PlatformNamespaces {
  client: KubernetesClient;
  logger: Logger;
  /** All namespaces that are marked for functions, not just `functionNamespace`. */
  isClusterScoped: boolean;
}

export class Informers {
  readonly functions: ResourceWatch<FunctionResource>;
  readonly deployments: NamespaceInformers<Deployment>;
  readonly services: NamespaceInformers<Service>;
  readonly budgets: NamespaceInformers<DisruptionBudget>;
  /** By index: the key of a Function. */
  readonly pods: NamespaceInformers<Pod>;
  readonly namespaces: FunctionNamespaces;
  readonly gateways: GatewayEndpoints;
  /** Those of the platform's namespace. */
  readonly profiles: ResourceWatch<ProfileResource>;
  readonly #stopping = new AbortController();

  constructor(options: InformersOptions) {
    const { client, logger, functionNamespace, platformNamespace, isClusterScoped } = options;
    const connection = { client, logger };
    this.functions = new ResourceWatch<FunctionResource>({
      ...connection,
      path: functionPath({ namespace: isClusterScoped ? undefined : functionNamespace }),
      project: trimFunction,
    });
    this.deployments = new NamespaceInformers<Deployment>({
      ...connection,
      kind: { group: "apps", plural: "deployments" },
      transform: trimDeployment,
    });
    this.services = new NamespaceInformers<Service>({
      ...connection,
      kind: { plural: "services" },
      transform: trimService,
    });
    this.budgets = new NamespaceInformers<DisruptionBudget>({
      ...connection,
      kind: { group: "policy", plural: "poddisruptionbudgets" },
      transform: trimBudget,
    });
    this.pods = new NamespaceInformers<Pod>({
      ...connection,
      kind: { plural: "pods" },
      transform: trimPod,
      indexBy: functionKey,
    });
    const informers = [this.deployments, this.services, this.budgets, this.pods];
    this.namespaces = new FunctionNamespaces({ ...options, informers });
    this.gateways = new GatewayEndpoints(client, platformNamespace, logger);
    this.profiles = new ResourceWatch<ProfileResource>({
      ...connection,
      path: resourcePath({ ...PROFILE, namespace: platformNamespace }),
      project: trimProfile,
    });
  }

  /** Resolves when the copies are complete; they are kept up to date from then on. */
  async start(): Promise<void> {
    // Without them functions keep their replicas, so nothing waits.
    this.gateways.start();
    const { signal } = this.#stopping;
    await Promise.all([
      this.functions.start().waitForSync(signal),
      untilListed(this.profiles.start(), signal),
      this.namespaces.start(),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const watches = [this.functions, this.profiles, this.namespaces, this.gateways];
    await Promise.all(watches.map((watch) => watch.stop()));
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.functions.problem() ?? this.namespaces.problem();
  }
}

/** Until all are known, or that there is no such kind: then there are none. */
async function untilListed<T extends WatchedObject>(
  watch: ResourceWatch<T>,
  signal: AbortSignal,
): Promise<void> {
  const isMissing = new Promise<void>((resolve) => {
    watch.on("failed", (error) => {
      if (isKubernetesStatus(error, 404)) {
        resolve();
      }
    });
  });
  await Promise.race([watch.waitForSync(signal), isMissing]);
}
