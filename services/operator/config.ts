/** The operator's settings, from the environment. */
import { hostname } from "node:os";
import { findNetworkMistake } from "../../contract/address-range.ts";
import { OperatorEnvironment, toTimeouts } from "../../contract/environment/index.ts";
import type { CallTimeouts } from "../../contract/index.ts";
import { ConfigError, loadConfig } from "../lib/config.ts";
import { type PrometheusAddress, toPrometheusAddress } from "../lib/prometheus.ts";

export interface OperatorConfig {
  functionNamespace: string;
  platformNamespace: string;
  port: number;
  identity: string;
  isClusterScoped: boolean;
  /** The platform's time-outs of a call; pods get theirs from them. */
  timeouts: CallTimeouts;
  hasNetworkPolicies: boolean;
  /** Namespace of the Prometheus that watches functions; undefined: the platform's own does. */
  metricsNamespace: string | undefined;
  /** Networks that functions may not reach, in CIDR notation. */
  deniedEgress: readonly string[];
  /** Secrets of their namespace by which the images of all functions are pulled. */
  imagePullSecrets: readonly string[];
  /** The Prometheus whose numbers functions may be scaled by. */
  prometheus: PrometheusAddress;
  logLevel: string;
}

/** Reads the settings. Throws a ConfigError that names the variables at fault. */
export function readConfig(env?: Readonly<Record<string, string | undefined>>): OperatorConfig {
  const settings = loadConfig(OperatorEnvironment, env);
  return {
    functionNamespace: settings.function_namespace,
    platformNamespace: settings.platform_namespace,
    port: settings.port,
    identity: settings.pod_name ?? hostname(),
    isClusterScoped: settings.cluster_scope === "true",
    timeouts: toTimeouts(settings),
    hasNetworkPolicies: settings.network_policies === "true",
    metricsNamespace: settings.metrics_namespace,
    deniedEgress: toList(settings.denied_egress).map(checkNetwork),
    imagePullSecrets: toList(settings.image_pull_secrets),
    prometheus: toPrometheusAddress(settings),
    logLevel: settings.log_level,
  };
}

function checkNetwork(text: string): string {
  const mistake = findNetworkMistake(text);
  if (mistake === undefined) {
    return text;
  }
  throw new ConfigError(`denied_egress: ${mistake}`);
}

function toList(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}
