/** The queue-worker: makes the queued calls and reports their results. */
import type * as k8s from "@pulumi/kubernetes";
import type { QueueWorkerEnvironment } from "../../contract/environment/index.ts";
import { PORT } from "../../contract/index.ts";
import { createAccount } from "../kubernetes/accounts.ts";
import { NATS } from "../kubernetes/existing-servers.ts";
import { toNodeOptions, toServiceProbes } from "../kubernetes/node-service.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { METRICS_PORT, toContainer, toEnvironment } from "../kubernetes/pods.ts";
import { toStreamVariables } from "../kubernetes/queue-streams.ts";
import { isScaled, type WorkerCount } from "../kubernetes/queue-workers.ts";
import { createServerAccess, joinAccess, type ServerLogin } from "../kubernetes/server-access.ts";
import {
  createDeployment,
  createDisruptionBudget,
  type DeploymentArgs,
  type PartContext,
  TAKE_OVER,
} from "../kubernetes/workloads.ts";
import { createCallbackAccess } from "./callbacks.ts";
import type { QueueSettings } from "./settings.ts";

/**
 * Creates the Deployment `queue-worker`.
 *
 * @param login at the platform's own NATS; undefined beside one of somebody else's
 */
export function createQueueWorker(
  context: PartContext,
  queue: QueueSettings,
  login: ServerLogin | undefined,
): k8s.apps.v1.Deployment {
  const { sizes, images, gatewayHost, pods } = queue;
  const settings = toPodSettings(context, {
    field: "worker",
    options: pods.worker,
    size: sizes.queueWorker,
  });
  const use = { kind: NATS, component: "queue-worker", path: "existing", login };
  const { variables, volumeMounts, volumes, passed } = joinAccess(
    createServerAccess(context, use, queue.existing),
    createCallbackAccess(context, queue.callbacks),
  );
  const container = toContainer(
    {
      name: "queue-worker",
      image: images.queueWorker,
      env: toEnvironment<typeof QueueWorkerEnvironment>({
        ...variables,
        faas_gateway_address: gatewayHost,
        faas_gateway_port: `${PORT.gateway}`,
        ack_wait: `${queue.ackWaitSeconds}s`,
        ...toStreamVariables(queue.streams),
        max_age: `${queue.retryHours}h`,
        max_inflight: `${queue.maxInflight}`,
        max_inflight_per_function: `${queue.maxInflightPerFunction}`,
        drain_timeout: `${queue.drainSeconds}s`,
        port: `${PORT.queueWorkerMetrics}`,
        log_level: "info",
        NODE_OPTIONS: settings.limitMiB.apply((limit) => toNodeOptions(limit)),
      }),
      ports: [{ name: METRICS_PORT, containerPort: PORT.queueWorkerMetrics }],
      ...toServiceProbes(),
      ...(volumeMounts.length > 0 && { volumeMounts }),
    },
    settings,
  );
  const workload = {
    component: "queue-worker",
    ...toReplicas(queue.workers),
    settings,
    pod: {
      serviceAccountName: createAccount(context, { account: "queue-worker", grants: [] }),
      // Calls in flight get to their end, and the queue hears of it, before the worker goes.
      terminationGracePeriodSeconds: queue.drainSeconds + 20,
      containers: [container],
      ...(volumes.length > 0 && { volumes }),
    },
  };
  createDisruptionBudget(context, "queue-worker", queue.workers.max);
  return createDeployment(context, workload, { dependsOn: passed });
}

/** The gateway's number is no field of the stack's; one that the gateway has left becomes it. */
function toReplicas(count: WorkerCount): Pick<DeploymentArgs, "replicas" | "most" | "metadata"> {
  return isScaled(count)
    ? { most: count.max }
    : { replicas: count.max, metadata: { annotations: TAKE_OVER } };
}
