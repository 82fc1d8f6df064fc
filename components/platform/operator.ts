/** The operator: turns Functions into Deployments and Services. */
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { createDeployment, type PlatformContext } from "./context.ts";
import { METRICS_PORT } from "./metrics-config.ts";
import { toNodeOptions } from "./node-service.ts";
import { toContainer, toEnvironment, toProbe } from "./pods.ts";
import type { Accounts } from "./rbac.ts";

/**
 * Creates the Deployment `operator`.
 *
 * @param definition the Function definition, which must exist before the operator watches it
 */
export function createOperator(
  context: PlatformContext,
  accounts: Accounts,
  definition: pulumi.Resource,
): k8s.apps.v1.Deployment {
  const size = context.settings.sizes.operator;
  const variables = toEnvironment({
    function_namespace: context.functionNamespace,
    platform_namespace: context.namespace,
    cluster_scope: "true",
    network_policies: `${context.capabilities.networkPolicy}`,
    denied_egress: context.capabilities.apiServerNetworks.join(","),
    port: `${PORT.operatorMetrics}`,
    // Pods of functions get their time-outs from it, and the gateway waits as long.
    upstream_timeout: `${context.settings.gateway.timeoutSeconds}s`,
    log_level: "info",
    NODE_OPTIONS: toNodeOptions(size),
  });
  const container = toContainer(
    {
      name: "operator",
      image: context.images.operator,
      env: [
        ...variables,
        { name: "pod_name", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ],
      ports: [{ name: METRICS_PORT, containerPort: PORT.operatorMetrics }],
      startupProbe: toProbe("/healthz", METRICS_PORT, { periodSeconds: 1, failureThreshold: 60 }),
      livenessProbe: toProbe("/healthz", METRICS_PORT),
      readinessProbe: toProbe("/readyz", METRICS_PORT, { periodSeconds: 2, failureThreshold: 3 }),
    },
    size,
  );
  return createDeployment(
    context,
    {
      component: "operator",
      replicas: 1,
      pod: {
        serviceAccountName: accounts.operator,
        automountServiceAccountToken: true,
        terminationGracePeriodSeconds: 15,
        containers: [container],
      },
    },
    { dependsOn: [definition] },
  );
}
