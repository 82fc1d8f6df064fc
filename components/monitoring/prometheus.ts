/** Prometheus: scrapes platform, functions and nodes, and evaluates the scaling rule. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { createAccount, type Rule } from "../kubernetes/accounts.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { METRICS_PORT, toContainer, toGoMemoryLimit, toProbe } from "../kubernetes/pods.ts";
import { createStatefulSet, createVolumes } from "../kubernetes/stateful-set.ts";
import { createConfigFiles, createService, type PartContext } from "../kubernetes/workloads.ts";
import type { MonitoringSettings } from "./settings.ts";

/**
 * Over the cluster Prometheus lists pods, and nothing else: its configuration cannot name function
 * namespaces that do not exist yet.
 */
const CLUSTER_RULES: Rule[] = [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }];

/**
 * Creates the StatefulSet `prometheus`, which is returned, its volume and its Service.
 *
 * @param files its configuration by file name
 */
export function createPrometheus(
  part: PartContext,
  metrics: MonitoringSettings,
  files: pulumi.Output<Record<string, string>>,
): k8s.apps.v1.StatefulSet {
  const { volumeGiB: sizeGiB, storageClass, sizes, pods } = metrics;
  const volume = { component: "prometheus", sizeGiB, storageClass };
  const context = createVolumes(part, volume);
  const settings = toPodSettings(part, {
    field: "prometheus",
    options: pods.prometheus,
    size: sizes.prometheus,
  });
  // Before the volume is full, the oldest samples go.
  const retentionMB = pulumi.output(sizeGiB).apply((size) => Math.floor(size * 1024 * 0.8));
  const config = createConfigFiles(context, "prometheus", files);
  const container = toContainer(
    {
      name: "prometheus",
      image: metrics.images.prometheus,
      args: [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        pulumi.interpolate`--storage.tsdb.retention.time=${metrics.retentionHours}h`,
        pulumi.interpolate`--storage.tsdb.retention.size=${retentionMB}MB`,
        `--web.listen-address=:${PORT.prometheus}`,
      ],
      env: [{ name: "GOMEMLIMIT", value: settings.limitMiB.apply(toGoMemoryLimit) }],
      ports: [{ name: METRICS_PORT, containerPort: PORT.prometheus }],
      startupProbe: toProbe("/-/ready", METRICS_PORT, { periodSeconds: 1, failureThreshold: 120 }),
      livenessProbe: toProbe("/-/healthy", METRICS_PORT),
      readinessProbe: toProbe("/-/ready", METRICS_PORT),
      volumeMounts: [
        { name: "data", mountPath: "/prometheus" },
        { name: "config", mountPath: "/etc/prometheus", readOnly: true },
      ],
    },
    settings,
  );
  const set = createStatefulSet(context, {
    ...volume,
    settings,
    annotations: config.annotations,
    pod: {
      serviceAccountName: createAccount(part, {
        account: "prometheus",
        grants: [{ place: "cluster", name: "plonk-prometheus", rules: CLUSTER_RULES }],
      }),
      automountServiceAccountToken: true,
      // Prometheus writes its head to disk when it stops.
      terminationGracePeriodSeconds: 60,
      containers: [container],
      volumes: [{ name: "config", configMap: { name: config.name } }],
    },
  });
  createService(context, "prometheus", { [METRICS_PORT]: PORT.prometheus });
  return set;
}
