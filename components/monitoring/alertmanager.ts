/** Alertmanager: hands the scaling alerts to the gateway. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { PORT } from "../../contract/index.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { METRICS_PORT, toContainer, toGoMemoryLimit, toProbe } from "../kubernetes/pods.ts";
import {
  createConfigFiles,
  createDeployment,
  createService,
  type PartContext,
} from "../kubernetes/workloads.ts";
import { toAlertmanagerConfig } from "./metrics-config.ts";
import type { MonitoringSettings } from "./settings.ts";

const SECRETS = "/var/secrets/gateway";

/** Creates the Deployment `alertmanager`, which is returned, and its Service. */
export function createAlertmanager(
  context: PartContext,
  metrics: MonitoringSettings,
): k8s.apps.v1.Deployment {
  const { sizes, images, alerts, pods } = metrics;
  const settings = toPodSettings(context, {
    field: "alertmanager",
    options: pods.alertmanager,
    size: sizes.alertmanager,
  });
  const config = createConfigFiles(context, "alertmanager", {
    "alertmanager.yml": pulumi
      .all([context.namespace, alerts.user])
      .apply(([namespace, user]) =>
        toAlertmanagerConfig(namespace, { user, passwordFile: `${SECRETS}/basic-auth-password` }),
      ),
  });
  const container = toContainer(
    {
      name: "alertmanager",
      image: images.alertmanager,
      args: [
        "--config.file=/etc/alertmanager/alertmanager.yml",
        "--storage.path=/data",
        `--web.listen-address=:${PORT.alertmanager}`,
        // One replica: no cluster, and no guess at an address to announce.
        "--cluster.listen-address=",
      ],
      env: [{ name: "GOMEMLIMIT", value: settings.limitMiB.apply(toGoMemoryLimit) }],
      ports: [{ name: METRICS_PORT, containerPort: PORT.alertmanager }],
      livenessProbe: toProbe("/-/healthy", METRICS_PORT),
      readinessProbe: toProbe("/-/ready", METRICS_PORT),
      volumeMounts: [
        { name: "data", mountPath: "/data" },
        { name: "config", mountPath: "/etc/alertmanager", readOnly: true },
        { name: "auth", mountPath: SECRETS, readOnly: true },
      ],
    },
    settings,
  );
  const deployment = createDeployment(context, {
    component: "alertmanager",
    replicas: 1,
    settings,
    annotations: config.annotations,
    pod: {
      containers: [container],
      volumes: [
        // Silences and what was sent; lost with the pod, after which an alert may be sent twice.
        { name: "data", emptyDir: { sizeLimit: "64Mi" } },
        { name: "config", configMap: { name: config.name } },
        {
          name: "auth",
          secret: {
            secretName: alerts.secretName,
            // Not the other users' hashes.
            items: [{ key: "basic-auth-password", path: "basic-auth-password" }],
          },
        },
      ],
    },
  });
  createService(context, "alertmanager", { [METRICS_PORT]: PORT.alertmanager });
  return deployment;
}
