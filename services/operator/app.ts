/** Puts the operator together: informers, leader election, and the controllers of a manager. */
import type { KubernetesClient } from "../lib/kubernetes.ts";
import type { Logger } from "../lib/logger.ts";
import type { Registry } from "../lib/metrics.ts";
import type { OperatorConfig } from "./config.ts";
import { FunctionController } from "./controllers/function/controller.ts";
import { NamespaceController } from "./controllers/namespace/controller.ts";
import type { Controller } from "./kubernetes/controller.ts";
import { Informers } from "./kubernetes/informers.ts";
import { type ElectionTimes, LeaderElection } from "./kubernetes/leader-election.ts";
import { Manager } from "./kubernetes/manager.ts";

export interface OperatorOptions {
  client: KubernetesClient;
  config: OperatorConfig;
  logger: Logger;
  registry: Registry;
  /** Times of the leader election, for tests. */
  election?: ElectionTimes;
}

/** Name of the Lease in the platform's namespace. */
const LEASE_NAME = "plonk-operator";

/** An operator; nothing runs before its `start`. */
export function createOperator(options: OperatorOptions): Manager {
  const { client, config, logger, registry } = options;
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
    client,
    logger,
    informers,
    leadership: election,
    registry,
  });
  return new Manager({ informers, controllers, election, logger, registry });
}

/** What each controller may take its options from. */
interface ControllerContext extends OperatorConfig {
  client: KubernetesClient;
  logger: Logger;
  informers: Informers;
  leadership: LeaderElection;
  registry: Registry;
}

/** All controllers; `kubernetes/controller.ts` says how to add one. */
function createControllers(context: ControllerContext): readonly Controller[] {
  return [new FunctionController(context), new NamespaceController(context)];
}
