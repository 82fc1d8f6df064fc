/** The operator: turns Functions into Deployments and Services. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { OperatorEnvironment } from "../../contract/environment/index.ts";
import { FUNCTION_ROLE, PORT } from "../../contract/index.ts";
import { createAccount, type Grant } from "../kubernetes/accounts.ts";
import { type ExistingPrometheus, PROMETHEUS } from "../kubernetes/existing-servers.ts";
import { toNodeOptions, toServiceProbes } from "../kubernetes/node-service.ts";
import type { PodDefaults, PodOptions } from "../kubernetes/pod-options.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import {
  type ContainerSize,
  METRICS_PORT,
  toContainer,
  toEnvironment,
} from "../kubernetes/pods.ts";
import { createServerAccess } from "../kubernetes/server-access.ts";
import {
  createDeployment,
  createDisruptionBudget,
  type PartContext,
} from "../kubernetes/workloads.ts";
import { joinEntries } from "../lists.ts";
import {
  OPERATOR_CLUSTER_RULES,
  OPERATOR_FUNCTION_RULES,
  OPERATOR_PLATFORM_RULES,
} from "./rbac-rules.ts";

const GRANTS: Grant[] = [
  { place: "functions", name: FUNCTION_ROLE.operator, rules: OPERATOR_FUNCTION_RULES },
  { place: "cluster", name: "plonk-operator", rules: OPERATOR_CLUSTER_RULES },
  { place: "platform", name: "plonk-operator", rules: OPERATOR_PLATFORM_RULES },
];

/** What the operator is made by. */
export interface OperatorSettings {
  image: pulumi.Input<string>;
  functionNamespace: pulumi.Input<string>;
  metricsNamespace?: pulumi.Input<string>;
  prometheus?: ExistingPrometheus;
  timeoutSeconds: pulumi.Input<number>;
  replicas: number;
  /** What the program says of its pods. */
  pod: PodOptions | undefined;
  size: ContainerSize;
}

/**
 * Creates the Deployment `operator`.
 *
 * @param definitions of what the operator watches, which must exist before
 */
export function createOperator(
  context: PartContext,
  operator: OperatorSettings,
  definitions: readonly pulumi.Resource[],
): k8s.apps.v1.Deployment {
  const { image, functionNamespace, metricsNamespace, timeoutSeconds, replicas } = operator;
  const settings = toPodSettings(context, {
    field: "pod",
    options: operator.pod,
    size: operator.size,
  });
  const { capabilities } = context.cluster;
  const use = { kind: PROMETHEUS, component: "operator", path: "prometheus" };
  const access = createServerAccess(context, use, operator.prometheus);
  const variables = toEnvironment<typeof OperatorEnvironment>({
    function_namespace: functionNamespace,
    platform_namespace: context.namespace,
    cluster_scope: "true",
    network_policies: `${capabilities.networkPolicy}`,
    ...(metricsNamespace !== undefined && { metrics_namespace: metricsNamespace }),
    ...(context.pods.imagePullSecrets && {
      image_pull_secrets: joinNames(context.pods.imagePullSecrets),
    }),
    ...access.variables,
    denied_egress: joinEntries(capabilities.apiServerNetworks),
    port: `${PORT.operatorMetrics}`,
    // Pods of functions get their time-outs from it, and the gateway waits as long.
    upstream_timeout: pulumi.interpolate`${timeoutSeconds}s`,
    log_level: "info",
    NODE_OPTIONS: settings.limitMiB.apply((limit) => toNodeOptions(limit)),
  });
  const container = toContainer(
    {
      name: "operator",
      image,
      env: [
        ...variables,
        { name: "pod_name", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ],
      ports: [{ name: METRICS_PORT, containerPort: PORT.operatorMetrics }],
      ...toServiceProbes(),
      ...(access.volumes.length > 0 && { volumeMounts: access.volumeMounts }),
    },
    settings,
  );
  createDisruptionBudget(context, "operator", replicas);
  return createDeployment(
    context,
    {
      component: "operator",
      replicas,
      settings,
      pod: {
        serviceAccountName: createAccount(context, {
          account: "operator",
          grants: GRANTS,
          functionNamespace,
        }),
        automountServiceAccountToken: true,
        terminationGracePeriodSeconds: 15,
        containers: [container],
        ...(access.volumes.length > 0 && { volumes: access.volumes }),
      },
    },
    { dependsOn: access.passed.apply((passed) => [...definitions, ...passed]) },
  );
}

/** Functions are not in the platform's namespace: they have Secrets of the same names, or none. */
function joinNames(secrets: NonNullable<PodDefaults["imagePullSecrets"]>): pulumi.Output<string> {
  return pulumi.output(secrets).apply((all) => all.map(({ name = "" }) => name).join(","));
}
