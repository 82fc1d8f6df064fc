/** The queue-worker: makes the queued calls and reports their results. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { QueueWorkerEnvironment } from "../../contract/environment/index.ts";
import { PORT } from "../../contract/index.ts";
import { createAccount } from "../kubernetes/accounts.ts";
import { NATS } from "../kubernetes/existing-servers.ts";
import {
  toNodeOptions,
  toServiceProbes,
  WORKER_SEMI_SPACE_MIB,
} from "../kubernetes/node-service.ts";
import type { PodOptions } from "../kubernetes/pod-options.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { METRICS_PORT, toContainer, toEnvironment } from "../kubernetes/pods.ts";
import { toStreamVariables } from "../kubernetes/queue-streams.ts";
import { isScaled, type WorkerCount } from "../kubernetes/queue-workers.ts";
import {
  createServerAccess,
  joinAccess,
  type ServerAccess,
  type ServerLogin,
} from "../kubernetes/server-access.ts";
import {
  createDeployment,
  createDisruptionBudget,
  type DeploymentArgs,
  type PartContext,
  TAKE_OVER,
} from "../kubernetes/workloads.ts";
import { createCallbackAccess } from "./callbacks.ts";
import { toQueueNames } from "./named-queues.ts";
import type { QueueSettings } from "./settings.ts";

/** What the workers of all queues share. */
interface Shared {
  context: PartContext;
  queue: QueueSettings;
  access: ServerAccess;
  account: pulumi.Input<string>;
}

/** Workers of one queue. */
interface Workers {
  /** Name of the Deployment. */
  component: string;
  /** Name of the queue, where it is not the usual one. */
  name?: string;
  /** Where the program says what is theirs. */
  field: string;
  options: PodOptions | undefined;
  replicas: Pick<DeploymentArgs, "replicas" | "most" | "metadata">;
  maxInflight: pulumi.Input<number>;
  maxInflightPerFunction: pulumi.Input<number>;
}

/**
 * Creates the Deployment `queue-worker`, which is returned, and one for each other queue.
 *
 * @param login at the platform's own NATS; undefined beside one of somebody else's
 */
export function createQueueWorkers(
  context: PartContext,
  queue: QueueSettings,
  login: ServerLogin | undefined,
): k8s.apps.v1.Deployment {
  const use = { kind: NATS, component: "queue-worker", path: "existing", login };
  const shared = {
    context,
    queue,
    access: joinAccess(
      createServerAccess(context, use, queue.existing),
      createCallbackAccess(context, queue.callbacks),
    ),
    account: createAccount(context, { account: "queue-worker", grants: [] }),
  };
  const { maxInflight, maxInflightPerFunction, pods } = queue;
  const usual = { maxInflight, maxInflightPerFunction };
  for (const [name, { replicas = 1, worker = pods.worker, ...limits }] of Object.entries(
    queue.queues,
  )) {
    createWorkers(shared, {
      ...{ ...usual, ...limits },
      ...{ component: `queue-worker-${name}`, name, field: `queues.${name}.worker` },
      options: worker,
      replicas: { replicas },
    });
  }
  return createWorkers(shared, {
    ...usual,
    component: "queue-worker",
    ...{ field: "worker", options: pods.worker, replicas: toReplicas(queue.workers) },
  });
}

function createWorkers(
  { context, queue, access, account }: Shared,
  { component, name, field, options, replicas, ...limits }: Workers,
): k8s.apps.v1.Deployment {
  const size = queue.sizes.queueWorker;
  const settings = toPodSettings(context, { field, options, size });
  const { variables, volumeMounts, volumes, passed } = access;
  const names = toQueueNames(queue.queues);
  const container = toContainer(
    {
      name: "queue-worker",
      image: queue.images.queueWorker,
      env: toEnvironment<typeof QueueWorkerEnvironment>({
        ...variables,
        faas_gateway_address: queue.gatewayHost,
        faas_gateway_port: `${PORT.gateway}`,
        ...(name !== undefined && { queue_name: name }),
        ...(names !== "" && { queue_names: names }),
        ack_wait: pulumi.interpolate`${queue.ackWaitSeconds}s`,
        ...toStreamVariables(queue.streams),
        max_age: pulumi.interpolate`${queue.retryHours}h`,
        max_inflight: pulumi.interpolate`${limits.maxInflight}`,
        max_inflight_per_function: pulumi.interpolate`${limits.maxInflightPerFunction}`,
        drain_timeout: pulumi.interpolate`${queue.drainSeconds}s`,
        port: `${PORT.queueWorkerMetrics}`,
        log_level: "info",
        NODE_OPTIONS: settings.limitMiB.apply((limit) =>
          toNodeOptions(limit, WORKER_SEMI_SPACE_MIB),
        ),
      }),
      ports: [{ name: METRICS_PORT, containerPort: PORT.queueWorkerMetrics }],
      ...toServiceProbes(),
      ...(volumeMounts.length > 0 && { volumeMounts }),
    },
    settings,
  );
  const workload = {
    component,
    ...replicas,
    settings,
    pod: {
      serviceAccountName: account,
      // Calls in flight get to their end, and the queue hears of it, before the worker goes.
      terminationGracePeriodSeconds: pulumi.output(queue.drainSeconds).apply((drain) => drain + 20),
      containers: [container],
      ...(volumes.length > 0 && { volumes }),
    },
  };
  createDisruptionBudget(context, component, replicas.most ?? replicas.replicas ?? 1);
  return createDeployment(context, workload, { dependsOn: passed });
}

/** The gateway's number is no field of the stack's; one that the gateway has left becomes it. */
function toReplicas(count: WorkerCount): Pick<DeploymentArgs, "replicas" | "most" | "metadata"> {
  return isScaled(count)
    ? { most: count.max }
    : { replicas: count.max, metadata: { annotations: TAKE_OVER } };
}
