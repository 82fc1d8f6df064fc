/**
 * node_exporter on every node, under the `restricted` standard: without host mounts. `/proc` in a
 * pod shows the node's own processor, memory, load and disk counters, and the root of the pod
 * lies on the disk of the node's images, so only the node's network and its other mounts are
 * missing.
 */
import * as k8s from "@pulumi/kubernetes";
import { PORT } from "../../contract/index.ts";
import { type PodSettings, toPodSettings } from "../kubernetes/pod-settings.ts";
import {
  METRICS_PORT,
  toContainer,
  toGoMemoryLimit,
  toMetadata,
  toProbe,
  toSelector,
} from "../kubernetes/pods.ts";
import { type PartContext, toPodTemplate, toWorkloadOptions } from "../kubernetes/workloads.ts";
import type { MonitoringSettings } from "./settings.ts";

const COLLECTORS = [
  "cpu",
  "diskstats",
  "filefd",
  "filesystem",
  "loadavg",
  "meminfo",
  "pressure",
  "stat",
  "time",
  "uname",
  "vmstat",
];

/** Flags by which it serves those collectors only. */
export const COLLECTOR_FLAGS = [
  "--collector.disable-defaults",
  ...COLLECTORS.map((collector) => `--collector.${collector}`),
  // Only the root, and by default an overlay would be left out.
  "--collector.filesystem.mount-points-exclude=^/.+",
  "--collector.filesystem.fs-types-exclude=^proc$",
];

/** Creates the DaemonSet `node-exporter`. */
export function createNodeExporter(
  context: PartContext,
  metrics: MonitoringSettings,
): k8s.apps.v1.DaemonSet {
  const component = "node-exporter";
  const settings = toNodeSettings(context, metrics);
  const container = toContainer(
    {
      name: component,
      image: metrics.images.nodeExporter,
      args: [`--web.listen-address=:${PORT.nodeExporter}`, ...COLLECTOR_FLAGS],
      env: [{ name: "GOMEMLIMIT", value: settings.limitMiB.apply(toGoMemoryLimit) }],
      ports: [{ name: METRICS_PORT, containerPort: PORT.nodeExporter }],
      livenessProbe: toProbe("/", METRICS_PORT),
      readinessProbe: toProbe("/", METRICS_PORT),
    },
    settings,
  );
  const workload = {
    component,
    settings,
    pod: { containers: [container], tolerations: [{ operator: "Exists" }] },
  };
  return new k8s.apps.v1.DaemonSet(
    `${context.name}-${component}`,
    {
      metadata: toMetadata(component, context.namespace),
      spec: {
        revisionHistoryLimit: 2,
        selector: { matchLabels: toSelector(component) },
        template: toPodTemplate(workload),
      },
    },
    toWorkloadOptions(context, workload),
  );
}

/** Of what is said of all pods it has the logins only: it is to run on every node. */
function toNodeSettings(
  { part, pods: { imagePullSecrets } }: PartContext,
  { sizes }: MonitoringSettings,
): PodSettings {
  const pods = { ...(imagePullSecrets && { imagePullSecrets }) };
  return toPodSettings(
    { part, pods },
    { field: "pods", options: undefined, size: sizes.nodeExporter },
  );
}
