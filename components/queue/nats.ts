/** NATS with JetStream: the queue of asynchronous calls, on a volume of its own. */
import type * as k8s from "@pulumi/kubernetes";
import { LOGIN_FILE } from "../../contract/environment/index.ts";
import { PORT } from "../../contract/index.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { toContainer, toGoMemoryLimit, toProbe } from "../kubernetes/pods.ts";
import { createStatefulSet, createVolume } from "../kubernetes/stateful-set.ts";
import { createConfigFiles, createService, type PartContext } from "../kubernetes/workloads.ts";
import { NATS_DATA, NATS_TLS, toNatsConfig } from "./nats-config.ts";
import { NATS_LIVENESS } from "./nats-health.ts";
import type { NatsKeys } from "./nats-keys.ts";
import type { QueueSettings } from "./settings.ts";

/** Of the Secret of keys, what the server needs: it knows no seed of a client. */
const TLS_FILES = [LOGIN_FILE.certificate, LOGIN_FILE.privateKey].map((key) => ({
  key,
  path: key,
}));

/** Creates the StatefulSet `nats`, which is returned, its volume and its Service. */
export function createNats(
  part: PartContext,
  queue: QueueSettings,
  keys: NatsKeys,
): k8s.apps.v1.StatefulSet {
  const { volumeGiB: sizeGiB, storageClass, sync, sizes, pods } = queue;
  const volume = { component: "nats", sizeGiB, storageClass };
  const context = createVolume(part, volume);
  const settings = toPodSettings(part, { field: "nats", options: pods.nats, size: sizes.nats });
  const config = createConfigFiles(context, "nats", {
    "nats.conf": keys.users.apply((users) => toNatsConfig({ volumeGiB: sizeGiB, sync, users })),
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
      livenessProbe: toProbe(NATS_LIVENESS.path, "monitor", {
        failureThreshold: NATS_LIVENESS.failureThreshold,
      }),
      readinessProbe: toProbe("/healthz?js-enabled-only=true", "monitor"),
      volumeMounts: [
        { name: "data", mountPath: NATS_DATA },
        { name: "config", mountPath: "/etc/nats", readOnly: true },
        { name: "tls", mountPath: NATS_TLS, readOnly: true },
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
      volumes: [
        { name: "config", configMap: { name: config.name } },
        { name: "tls", secret: { secretName: keys.serverSecret, items: TLS_FILES } },
      ],
    },
  });
  createService(context, "nats", { client: PORT.nats, monitor: PORT.natsMonitor });
  return set;
}
