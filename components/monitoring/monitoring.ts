/** `Monitoring`: Prometheus and node_exporter, or a Prometheus that is there, and Alertmanager. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { comeAfter, createContext } from "../kubernetes/workloads.ts";
import { createAlertmanager } from "./alertmanager.ts";
import { toAlertRules, toPrometheusConfig } from "./metrics-config.ts";
import { createNodeExporter } from "./node-exporter.ts";
import { createPrometheus } from "./prometheus.ts";
import { checkMonitoring, type MonitoringArgs, normalizeMonitoring } from "./settings.ts";

/** The workloads of the monitoring on the cluster. */
export interface MonitoringNodes {
  /** Where it is the platform's own. */
  prometheus?: k8s.apps.v1.StatefulSet;
  /** Where Prometheus is the platform's own. */
  nodeExporter?: k8s.apps.v1.DaemonSet;
  alertmanager: k8s.apps.v1.Deployment;
}

/**
 * Metrics of platform, functions and nodes, and the alerts by which functions are scaled. It makes
 * no NetworkPolicies.
 */
export class Monitoring extends pulumi.ComponentResource {
  /** Address of Prometheus, as pods reach it. */
  public readonly prometheusUrl: pulumi.Output<string>;
  /**
   * Prometheus' files by name, `prometheus.yml` and `rules.yml`: what to scrape, when a function is
   * to have more replicas, and which Alertmanager is to hear of it. Another Prometheus needs all of
   * it, and the right to list and watch pods.
   */
  public readonly prometheusConfig: pulumi.Output<Record<string, string>>;
  /** What is underneath. @internal */
  public readonly nodes: MonitoringNodes;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Monitoring", name, {}, withFieldManager(opts));
    const checks = new ArgumentChecks(this);
    const checked = checkFor(this, () => checkMonitoring(checks, args));
    const context = comeAfter(createContext(this, name, args), checks);
    const settings = normalizeMonitoring(checked, context.profile);
    const { existing, scrapeIntervalSeconds } = settings;
    this.prometheusConfig = pulumi
      .all([context.namespace, scrapeIntervalSeconds])
      .apply(([namespace, seconds]): Record<string, string> => ({
        "prometheus.yml": toPrometheusConfig(seconds, namespace),
        "rules.yml": toAlertRules(seconds),
      }));
    const own = existing === undefined && {
      prometheus: createPrometheus(context, settings, this.prometheusConfig),
      nodeExporter: createNodeExporter(context, settings),
    };
    this.nodes = { ...own, alertmanager: createAlertmanager(context, settings) };
    const ownUrl = pulumi.interpolate`http://prometheus.${context.namespace}:${PORT.prometheus}`;
    this.prometheusUrl = existing === undefined ? ownUrl : pulumi.output(existing.url);
    this.registerOutputs({
      prometheusUrl: this.prometheusUrl,
      prometheusConfig: this.prometheusConfig,
    });
  }
}
