/** Puts the operator together: informers, leader election, and the controllers of a manager. */
import type { KubernetesClient } from "../lib/kubernetes.ts";
import type { Logger } from "../lib/logger.ts";
import type { Registry } from "../lib/metrics.ts";
import { readPodUsage } from "../lib/pod-usage.ts";
import { PrometheusApi } from "../lib/prometheus.ts";
import type { OperatorConfig } from "./config.ts";
import { AutoscalerController } from "./controllers/autoscaler/controller.ts";
import { FunctionController } from "./controllers/function/controller.ts";
import { NamespaceController } from "./controllers/namespace/controller.ts";
import type { Controller } from "./kubernetes/controller.ts";
import { FencedClient } from "./kubernetes/fenced-client.ts";
import { Informers } from "./kubernetes/informers.ts";
import { type ElectionTimes, LeaderElection } from "./kubernetes/leader-election.ts";
import { Manager } from "./kubernetes/manager.ts";
import { ScaleDecisions } from "./scale-decisions.ts";

export interface OperatorOptions {
  client: KubernetesClient;
  config: OperatorConfig;
  logger: Logger;
  registry: Registry;
  /** Times of the leader election, for tests. */
  election?: ElectionTimes;
  /** Says where the metrics of a gateway are, for tests. @default at its address */
  locateGateway?: (address: string) => string;
}

/** Name of the Lease in the platform's namespace. */
const LEASE_NAME = "plonk-operator";

/** An operator; nothing runs before its `start`. */
export function createOperator(options: OperatorOptions): Manager {
  const { client, config, logger, registry, locateGateway } = options;
  const informers = new Informers({ ...config, client, logger });
  const election = new LeaderElection({
    client,
    logger,
    namespace: config.platformNamespace,
    name: LEASE_NAME,
    identity: config.identity,
    ...options.election,
  });
  const controllers = createControllers({
    ...config,
    // What controllers write, and nothing else: the election has to write before it leads.
    client: new FencedClient(client, election),
    logger,
    informers,
    registry,
    decisions: new ScaleDecisions(),
    locateGateway,
  });
  return new Manager({ informers, controllers, election, logger, registry });
}

/** What each controller may take its options from. */
interface ControllerContext extends OperatorConfig {
  client: KubernetesClient;
  logger: Logger;
  informers: Informers;
  registry: Registry;
  decisions: ScaleDecisions;
  locateGateway: ((address: string) => string) | undefined;
}

/** All controllers; `kubernetes/controller.ts` says how to add one. */
function createControllers(context: ControllerContext): readonly Controller[] {
  const { client, informers, prometheus: address, logger } = context;
  const autoscaler = new AutoscalerController({
    ...context,
    gateways: () => informers.gateways.list(),
    readUsage: (namespace) => readPodUsage(client, { namespace }),
    prometheus: new PrometheusApi(address, logger),
  });
  return [new FunctionController(context), new NamespaceController(context), autoscaler];
}
