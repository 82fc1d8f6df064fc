/** NATS with JetStream: the queue of asynchronous calls, on a volume of its own. */
import { PORT } from "../../contract/index.ts";
import { createConfigFiles, createService, type PlatformContext } from "./context.ts";
import { NATS_DATA, toNatsConfig } from "./nats-config.ts";
import { toContainer, toProbe } from "./pods.ts";
import { createStatefulSet, createVolume } from "./stateful-set.ts";

/** Creates the StatefulSet `nats`, its volume and its Service. */
export function createNats(platform: PlatformContext): void {
  const context = createVolume(platform, "nats");
  const { sizes, queue } = context.settings;
  const config = createConfigFiles(context, "nats", {
    "nats.conf": toNatsConfig(queue.volumeGiB),
  });
  const container = toContainer(
    {
      name: "nats",
      image: context.images.nats,
      args: ["--config", "/etc/nats/nats.conf"],
      env: [
        { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "GOMEMLIMIT", value: `${Math.floor(sizes.nats.limitMiB * 0.8)}MiB` },
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
    sizes.nats,
  );
  createStatefulSet(context, {
    component: "nats",
    annotations: config.annotations,
    pod: {
      terminationGracePeriodSeconds: 30,
      containers: [container],
      volumes: [{ name: "config", configMap: { name: config.name } }],
    },
  });
  createService(context, "nats", { client: PORT.nats, monitor: PORT.natsMonitor });
}
