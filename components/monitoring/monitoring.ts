/** `Monitoring`: Prometheus, Alertmanager and node_exporter. */
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { checkFor } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { createContext } from "../kubernetes/workloads.ts";
import { createAlertmanager } from "./alertmanager.ts";
import { createNodeExporter } from "./node-exporter.ts";
import { createPrometheus } from "./prometheus.ts";
import { type MonitoringArgs, normalizeMonitoring } from "./settings.ts";

/**
 * Metrics of platform, functions and nodes, and the alerts by which functions are scaled. It makes
 * no NetworkPolicies.
 */
export class Monitoring extends pulumi.ComponentResource {
  /** Address of Prometheus inside the cluster. */
  public readonly prometheusUrl: pulumi.Output<string>;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:Monitoring", name, {}, withFieldManager(opts));
    const context = createContext(this, name, args);
    const settings = checkFor(this, () => normalizeMonitoring(args, context.profile));
    createPrometheus(context, settings);
    createAlertmanager(context, settings);
    createNodeExporter(context, settings);
    this.prometheusUrl = pulumi.interpolate`http://prometheus.${context.namespace}:${PORT.prometheus}`;
    this.registerOutputs({ prometheusUrl: this.prometheusUrl });
  }
}
