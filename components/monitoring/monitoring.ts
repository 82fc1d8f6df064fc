/** `Monitoring`: Prometheus and node_exporter, or a Prometheus that is there, and Alertmanager. */
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { createContext } from "../kubernetes/workloads.ts";
import { createAlertmanager } from "./alertmanager.ts";
import { toAlertRules, toPrometheusConfig } from "./metrics-config.ts";
import { createNodeExporter } from "./node-exporter.ts";
import { createPrometheus } from "./prometheus.ts";
import { type MonitoringArgs, normalizeMonitoring } from "./settings.ts";

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

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Monitoring", name, {}, withFieldManager(opts));
    const context = createContext(this, name, args);
    const settings = checkFor(this, () => normalizeMonitoring(args, context.profile));
    const { existing, scrapeIntervalSeconds } = settings;
    this.prometheusConfig = context.namespace.apply((namespace): Record<string, string> => ({
      "prometheus.yml": toPrometheusConfig(scrapeIntervalSeconds, namespace),
      "rules.yml": toAlertRules(),
    }));
    if (existing === undefined) {
      createPrometheus(context, settings, this.prometheusConfig);
      createNodeExporter(context, settings);
    }
    createAlertmanager(context, settings);
    const own = pulumi.interpolate`http://prometheus.${context.namespace}:${PORT.prometheus}`;
    this.prometheusUrl = existing === undefined ? own : pulumi.output(existing.url);
    this.registerOutputs({
      prometheusUrl: this.prometheusUrl,
      prometheusConfig: this.prometheusConfig,
    });
  }
}
