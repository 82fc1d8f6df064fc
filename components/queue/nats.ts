/** NATS with JetStream: the queue of asynchronous calls, on volumes of its own. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LOGIN_FILE } from "../../contract/environment/index.ts";
import { PORT } from "../../contract/index.ts";
import { ArgumentChecks } from "../errors.ts";
import { toPodSettings } from "../kubernetes/pod-settings.ts";
import { toContainer, toMetadata, toProbe, toSelector } from "../kubernetes/pods.ts";
import { createStatefulSet, createVolumes } from "../kubernetes/stateful-set.ts";
import {
  comeAfter,
  createConfigFiles,
  createDisruptionBudget,
  createService,
  type PartContext,
} from "../kubernetes/workloads.ts";
import {
  NATS_DATA,
  NATS_ROUTES,
  NATS_TLS,
  toNatsConfig,
  toNatsMemoryLimit,
} from "./nats-config.ts";
import { NATS_LIVENESS } from "./nats-health.ts";
import { ROUTES_SERVICE, toRouteHosts } from "./nats-identity.ts";
import type { NatsKeys } from "./nats-keys.ts";
import { refuseResize } from "./nats-servers.ts";
import type { QueueSettings } from "./settings.ts";

/** Of the Secret of keys, what the server needs: it knows no seed of a client. */
const TLS_FILES = [LOGIN_FILE.certificate, LOGIN_FILE.privateKey].map((key) => ({
  key,
  path: key,
}));

/** By which servers know each other. */
const ROUTE_FILES = [LOGIN_FILE.ca, LOGIN_FILE.certificate, LOGIN_FILE.privateKey].map((key) => ({
  key,
  path: key,
}));

/**
 * No two servers on one machine: with it the queue would lose its majority, and what three have
 * would be no safer than what one has. A server that finds no machine waits for one, where all see
 * it.
 */
const APART = {
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      {
        topologyKey: "kubernetes.io/hostname",
        labelSelector: { matchLabels: toSelector("nats") },
      },
    ],
  },
};

/** Creates the StatefulSet `nats`, which is returned, its volumes and its Services. */
export function createNats(
  part: PartContext,
  queue: QueueSettings,
  keys: NatsKeys,
): k8s.apps.v1.StatefulSet {
  const { volumeGiB: sizeGiB, storageClass, sizes, pods, replicas } = queue;
  const isCluster = replicas > 1;
  const volume = { component: "nats", sizeGiB, storageClass, pods: replicas };
  const context = createVolumes(checkServers(part, replicas), volume);
  const settings = toPodSettings(part, { field: "nats", options: pods.nats, size: sizes.nats });
  const config = createConfigFiles(context, "nats", {
    "nats.conf": createConfig(context, queue, keys),
  });
  const routes = keys.routeSecret && toRouteFiles(keys.routeSecret);
  const container = toContainer(
    {
      name: "nats",
      image: queue.images.nats,
      args: ["--config", "/etc/nats/nats.conf"],
      env: [
        { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "GOMEMLIMIT", value: settings.limitMiB.apply(toNatsMemoryLimit) },
      ],
      ports: [
        { name: "client", containerPort: PORT.nats },
        { name: "monitor", containerPort: PORT.natsMonitor },
        ...(isCluster ? [{ name: "cluster", containerPort: PORT.natsCluster }] : []),
      ],
      startupProbe: toProbe("/healthz?js-enabled-only=true", "monitor", {
        periodSeconds: 1,
        failureThreshold: 60,
      }),
      livenessProbe: toProbe(NATS_LIVENESS.path, "monitor", {
        failureThreshold: NATS_LIVENESS.failureThreshold,
      }),
      // One of a cluster is ready when it has caught up: only then the next one is replaced.
      readinessProbe: toProbe(isCluster ? "/healthz" : "/healthz?js-enabled-only=true", "monitor"),
      volumeMounts: [
        { name: "data", mountPath: NATS_DATA },
        { name: "config", mountPath: "/etc/nats", readOnly: true },
        { name: "tls", mountPath: NATS_TLS, readOnly: true },
        ...(routes ? [routes.mount] : []),
      ],
    },
    settings,
  );
  const set = createStatefulSet(context, {
    ...volume,
    settings,
    ...(isCluster && { serviceName: ROUTES_SERVICE }),
    annotations: config.annotations,
    pod: {
      terminationGracePeriodSeconds: 30,
      ...(isCluster && { affinity: APART }),
      containers: [container],
      volumes: [
        { name: "config", configMap: { name: config.name } },
        { name: "tls", secret: { secretName: keys.serverSecret, items: TLS_FILES } },
        ...(routes ? [routes.volume] : []),
      ],
    },
  });
  createService(context, "nats", { client: PORT.nats, monitor: PORT.natsMonitor });
  createDisruptionBudget(context, "nats", replicas);
  if (isCluster) {
    createRoutesService(context);
  }
  return set;
}

/** What comes after the check of how many servers there are. */
function checkServers(context: PartContext, replicas: number): PartContext {
  const isPreview = pulumi.runtime.isDryRun();
  const checks = new ArgumentChecks(context.part);
  const place = pulumi.all([context.cluster.kubeconfig, context.namespace]);
  checks.applyAsync(place, ([kubeconfig, namespace]) =>
    refuseResize(kubeconfig, { namespace, replicas }, isPreview),
  );
  return comeAfter(context, checks);
}

function createConfig(
  { namespace }: PartContext,
  { volumeGiB, sync, replicas }: QueueSettings,
  { users }: NatsKeys,
): pulumi.Output<string> {
  const late = pulumi.all([users, namespace, volumeGiB, sync]);
  return late.apply(([known, name, size, sync]) => {
    const hosts = replicas > 1 ? toRouteHosts(name, replicas) : [];
    return toNatsConfig({ volumeGiB: size, sync, users: known, hosts });
  });
}

function toRouteFiles(secretName: pulumi.Output<string>): {
  mount: k8s.types.input.core.v1.VolumeMount;
  volume: k8s.types.input.core.v1.Volume;
} {
  const name = "routes";
  return {
    mount: { name, mountPath: NATS_ROUTES, readOnly: true },
    volume: { name, secret: { secretName, items: ROUTE_FILES } },
  };
}

/** Gives each server a name, also one that is not ready: how else would it become so. */
function createRoutesService(context: PartContext): void {
  new k8s.core.v1.Service(
    `${context.name}-nats-routes`,
    {
      metadata: toMetadata("nats", context.namespace, ROUTES_SERVICE),
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        selector: toSelector("nats"),
        ports: [{ name: "cluster", port: PORT.natsCluster, targetPort: "cluster" }],
      },
    },
    context.options,
  );
}
