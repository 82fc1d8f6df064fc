/** The queue-worker: makes the queued calls and reports their results. */
import type * as k8s from "@pulumi/kubernetes";
import { NAMESPACE, PORT } from "../../contract/index.ts";
import { createDeployment, createDisruptionBudget, type PlatformContext } from "./context.ts";
import { METRICS_PORT } from "./metrics-config.ts";
import { toNodeOptions } from "./node-service.ts";
import { toContainer, toEnvironment, toProbe } from "./pods.ts";
import type { Accounts } from "./rbac.ts";

/** Creates the Deployment `queue-worker`. */
export function createQueueWorker(
  context: PlatformContext,
  accounts: Accounts,
): k8s.apps.v1.Deployment {
  const { queue, sizes } = context.settings;
  const container = toContainer(
    {
      name: "queue-worker",
      image: context.images.queueWorker,
      env: toEnvironment({
        faas_nats_address: `nats.${NAMESPACE.platform}`,
        faas_nats_port: `${PORT.nats}`,
        faas_gateway_address: `gateway.${NAMESPACE.platform}`,
        faas_gateway_port: `${PORT.gateway}`,
        ack_wait: `${queue.ackWaitSeconds}s`,
        max_inflight: `${queue.maxInflight}`,
        port: `${PORT.queueWorkerMetrics}`,
        log_level: "info",
        NODE_OPTIONS: toNodeOptions(sizes.queueWorker),
      }),
      ports: [{ name: METRICS_PORT, containerPort: PORT.queueWorkerMetrics }],
      startupProbe: toProbe("/healthz", METRICS_PORT, { periodSeconds: 1, failureThreshold: 60 }),
      livenessProbe: toProbe("/healthz", METRICS_PORT),
      readinessProbe: toProbe("/readyz", METRICS_PORT, { periodSeconds: 2, failureThreshold: 3 }),
    },
    sizes.queueWorker,
  );
  const deployment = createDeployment(context, {
    component: "queue-worker",
    replicas: queue.replicas,
    pod: {
      serviceAccountName: accounts["queue-worker"],
      // Calls in flight get to their end before the worker goes.
      terminationGracePeriodSeconds: queue.ackWaitSeconds + 10,
      containers: [container],
    },
  });
  createDisruptionBudget(context, "queue-worker", queue.replicas);
  return deployment;
}
