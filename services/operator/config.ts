/** The operator's settings, from the environment. */
import { hostname } from "node:os";
import { type Static, Type } from "typebox";
import { type CallTimeouts, NAMESPACE, PORT } from "../../contract/index.ts";
import { booleanSetting, loadConfig, logLevelSetting, portSetting } from "../lib/config.ts";
import { timeoutSettings, toTimeouts } from "../lib/timeout-settings.ts";

const Settings = Type.Object({
  /** Namespace of the functions. */
  function_namespace: Type.String({ default: NAMESPACE.functions }),
  /** Namespace of the platform, where the Lease is. */
  platform_namespace: Type.String({ default: NAMESPACE.platform }),
  /** Port of metrics and health. */
  port: portSetting(PORT.operatorMetrics),
  /** Name of this instance in the leader election: the pod's. */
  pod_name: Type.String({ default: hostname() }),
  /**
   * Serves functions in every namespace that is annotated `openfaas: "1"`, which takes a
   * ClusterRole; otherwise in `function_namespace` alone.
   */
  cluster_scope: booleanSetting(false),
  /** Isolates those namespaces by NetworkPolicies; for clusters that enforce them. */
  network_policies: booleanSetting(false),
  /** Networks that these policies keep functions from, in CIDR notation, separated by commas. */
  denied_egress: Type.String({ default: "", pattern: "^([0-9a-f.:]+/[0-9]+(,|$))*$" }),
  ...timeoutSettings,
  log_level: logLevelSetting,
});

export interface OperatorConfig {
  functionNamespace: string;
  platformNamespace: string;
  port: number;
  identity: string;
  isClusterScoped: boolean;
  /** The platform's time-outs of a call; pods get theirs from them. */
  timeouts: CallTimeouts;
  hasNetworkPolicies: boolean;
  /** Networks that functions may not reach, in CIDR notation. */
  deniedEgress: readonly string[];
  logLevel: string;
}

/** Reads the settings. Throws a ConfigError that names the variables at fault. */
export function readConfig(env?: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const settings: Static<typeof Settings> = loadConfig(Settings, env);
  return {
    functionNamespace: settings.function_namespace,
    platformNamespace: settings.platform_namespace,
    port: settings.port,
    identity: settings.pod_name,
    isClusterScoped: settings.cluster_scope === "true",
    timeouts: toTimeouts(settings),
    hasNetworkPolicies: settings.network_policies === "true",
    deniedEgress: settings.denied_egress.split(",").filter((network) => network !== ""),
    logLevel: settings.log_level,
  };
}
