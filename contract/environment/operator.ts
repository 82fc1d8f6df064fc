/** The operator's environment variables. */
import { Type } from "typebox";
import { NAMESPACE, PORT } from "../names.ts";
import { prometheusSettings } from "./servers.ts";
import { booleanSetting, logLevelSetting, portSetting } from "./settings.ts";
import { timeoutSettings } from "./timeouts.ts";

export const OperatorEnvironment = Type.Object({
  /** Namespace of the functions. */
  function_namespace: Type.String({ default: NAMESPACE.functions }),
  /** Namespace of the platform, where the Lease is. */
  platform_namespace: Type.String({ default: NAMESPACE.platform }),
  /** Port of metrics and health. */
  port: portSetting(PORT.operatorMetrics),
  /** Name of this instance in the leader election: the pod's. @default the host's */
  pod_name: Type.Optional(Type.String()),
  /**
   * Serves functions in every namespace that is annotated `openfaas: "1"`, which takes a
   * ClusterRole; otherwise in `function_namespace` alone.
   */
  cluster_scope: booleanSetting(false),
  /** Isolates those namespaces by NetworkPolicies; for clusters that enforce them. */
  network_policies: booleanSetting(false),
  /** Networks that these policies keep functions from, in CIDR notation, separated by commas. */
  denied_egress: Type.String({ default: "" }),
  /**
   * Secrets with logins to registries by which the images of all functions are pulled, where their
   * namespace has them; separated by commas.
   */
  image_pull_secrets: Type.String({ default: "", pattern: "^[-.,a-z0-9]*$" }),
  /** Namespace of the Prometheus that watches functions. @default the platform's own does */
  metrics_namespace: Type.Optional(Type.String()),
  ...prometheusSettings,
  ...timeoutSettings,
  log_level: logLevelSetting,
});
