/** Prometheus: scrapes platform, functions and nodes, and evaluates the scaling rule. */
import { PORT } from "../../contract/index.ts";
import { createConfigFiles, createService, type PlatformContext } from "./context.ts";
import { METRICS_PORT, toAlertRules, toPrometheusConfig } from "./metrics-config.ts";
import { toContainer, toProbe } from "./pods.ts";
import type { Accounts } from "./rbac.ts";
import { createStatefulSet, createVolume } from "./stateful-set.ts";

/** Creates the StatefulSet `prometheus`, its volume and its Service. */
export function createPrometheus(platform: PlatformContext, accounts: Accounts): void {
  const context = createVolume(platform, "prometheus");
  const { sizes, metrics } = context.settings;
  const config = createConfigFiles(context, "prometheus", {
    "prometheus.yml": toPrometheusConfig(metrics.scrapeIntervalSeconds),
    "rules.yml": toAlertRules(),
  });
  const container = toContainer(
    {
      name: "prometheus",
      image: context.images.prometheus,
      args: [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        `--storage.tsdb.retention.time=${metrics.retentionHours}h`,
        // Before the volume is full, the oldest samples go.
        `--storage.tsdb.retention.size=${Math.floor(metrics.volumeGiB * 1024 * 0.8)}MB`,
        `--web.listen-address=:${PORT.prometheus}`,
      ],
      env: [{ name: "GOMEMLIMIT", value: `${Math.floor(sizes.prometheus.limitMiB * 0.8)}MiB` }],
      ports: [{ name: METRICS_PORT, containerPort: PORT.prometheus }],
      startupProbe: toProbe("/-/ready", METRICS_PORT, { periodSeconds: 1, failureThreshold: 120 }),
      livenessProbe: toProbe("/-/healthy", METRICS_PORT),
      readinessProbe: toProbe("/-/ready", METRICS_PORT),
      volumeMounts: [
        { name: "data", mountPath: "/prometheus" },
        { name: "config", mountPath: "/etc/prometheus", readOnly: true },
      ],
    },
    sizes.prometheus,
  );
  createStatefulSet(context, {
    component: "prometheus",
    annotations: config.annotations,
    pod: {
      serviceAccountName: accounts.prometheus,
      automountServiceAccountToken: true,
      // Prometheus writes its head to disk when it stops.
      terminationGracePeriodSeconds: 60,
      containers: [container],
      volumes: [{ name: "config", configMap: { name: config.name } }],
    },
  });
  createService(context, "prometheus", { [METRICS_PORT]: PORT.prometheus });
}
