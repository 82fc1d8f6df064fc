/** NATS with JetStream: the queue of asynchronous calls, on a volume of its own. */
import type * as k8s from "@pulumi/kubernetes";
import { PORT } from "../../contract/index.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { toContainer, toGoMemoryLimit, toProbe } from "../kubernetes/pods.ts";
import { createStatefulSet, createVolume } from "../kubernetes/stateful-set.ts";
import { createConfigFiles, createService, type PartContext } from "../kubernetes/workloads.ts";
import { NATS_DATA, toNatsConfig } from "./nats-config.ts";
import type { QueueSettings } from "./settings.ts";

/** Creates the StatefulSet `nats`, which is returned, its volume and its Service. */
export function createNats(part: PartContext, queue: QueueSettings): k8s.apps.v1.StatefulSet {
  const { volumeGiB: sizeGiB, storageClass, sizes, pods } = queue;
  const volume = { component: "nats", sizeGiB, storageClass };
  const context = createVolume(part, volume);
  const settings = toPodSettings(part, { field: "nats", options: pods.nats, size: sizes.nats });
  const config = createConfigFiles(context, "nats", {
    "nats.conf": toNatsConfig(sizeGiB),
  });
  const container = toContainer(
    {
      name: "nats",
      image: queue.images.nats,
      args: ["--config", "/etc/nats/nats.conf"],
      env: [
        { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "GOMEMLIMIT", value: settings.limitMiB.apply(toGoMemoryLimit) },
      ],
      ports: [
        { name: "client", containerPort: PORT.nats },
        { name: "monitor", containerPort: PORT.natsMonitor },
      ],
      startupProbe: toProbe("/healthz?js-enabled-only=true", "monitor", {
        periodSeconds: 1,
        failureThreshold: 60,
      }),
      // A JetStream that recovers must not be killed for it, so liveness asks the server alone.
      livenessProbe: toProbe("/healthz?js-server-only=true", "monitor"),
      readinessProbe: toProbe("/healthz?js-enabled-only=true", "monitor"),
      volumeMounts: [
        { name: "data", mountPath: NATS_DATA },
        { name: "config", mountPath: "/etc/nats", readOnly: true },
      ],
    },
    settings,
  );
  const set = createStatefulSet(context, {
    ...volume,
    settings,
    annotations: config.annotations,
    pod: {
      terminationGracePeriodSeconds: 30,
      containers: [container],
      volumes: [{ name: "config", configMap: { name: config.name } }],
    },
  });
  createService(context, "nats", { client: PORT.nats, monitor: PORT.natsMonitor });
  return set;
}
