/** What each part of the platform gets to build on, and the objects that most of them need. */
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterCapabilities } from "../cluster/cluster.ts";
import type { PlatformImages, PlatformSettings } from "./args.ts";
import { RESTRICTED_POD, toLabels, toMetadata, toSelector, toSpread } from "./pods.ts";

type PodSpec = k8s.types.input.core.v1.PodSpec;

/** What each part of the platform gets to build on. */
export interface PlatformContext {
  /** Logical name of the platform, prefix of all children's. */
  name: string;
  /** Options of every child: parent, what it is deleted with, and what it comes after. */
  options: pulumi.CustomResourceOptions;
  /** The platform itself, on whose row wrong arguments are told. */
  platform: pulumi.Resource;
  /** Kubeconfig file content of the cluster. Secret. */
  kubeconfig: pulumi.Output<string>;
  /** Namespace of the platform; known only when it exists. */
  namespace: pulumi.Output<string>;
  /** Namespace of the functions; known only when it exists. */
  functionNamespace: pulumi.Output<string>;
  settings: PlatformSettings;
  images: PlatformImages;
  capabilities: ClusterCapabilities;
  /** For `dependsOn` of volumes: fails where their sizes cannot be had. */
  volumesChecked: pulumi.Output<pulumi.Resource[]>;
}

/** Annotation that rolls pods when a file they mount has changed. */
const CONFIG_HASH = "plonk/config-sha256";

/** Files in a ConfigMap, and the annotations for pods that mount it. */
export interface ConfigFiles {
  /** Name of the ConfigMap. */
  name: pulumi.Output<string>;
  annotations: pulumi.Output<Record<string, string>>;
}

/** Creates the ConfigMap `<component>-config`. */
export function createConfigFiles(
  context: PlatformContext,
  component: string,
  files: Record<string, pulumi.Input<string>>,
): ConfigFiles {
  const map = new k8s.core.v1.ConfigMap(
    `${context.name}-${component}-config`,
    { metadata: toMetadata(component, context.namespace, `${component}-config`), data: files },
    context.options,
  );
  const annotations = pulumi.output(files).apply((texts): Record<string, string> => {
    const hash = createHash("sha256").update(JSON.stringify(texts)).digest("hex");
    return { [CONFIG_HASH]: hash.slice(0, 12) };
  });
  return { name: map.metadata.name, annotations };
}

/** A workload of one or more equal pods. */
export interface WorkloadArgs {
  /** Name of the objects and value of their name label. */
  component: string;
  pod: PodSpec;
  /** Annotations of the pods. */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** Pod template with labels, and without a token unless the pod names a ServiceAccount. */
export function toPodTemplate(args: WorkloadArgs): k8s.types.input.core.v1.PodTemplateSpec {
  return {
    metadata: {
      labels: toLabels(args.component),
      ...(args.annotations && { annotations: args.annotations }),
    },
    spec: {
      securityContext: RESTRICTED_POD,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...args.pod,
    },
  };
}

/** Creates a Deployment that replaces its pods without a gap. */
export function createDeployment(
  context: PlatformContext,
  args: WorkloadArgs & { replicas: number },
  options: pulumi.CustomResourceOptions = {},
): k8s.apps.v1.Deployment {
  const spread = args.replicas > 1 && { topologySpreadConstraints: toSpread(args.component) };
  return new k8s.apps.v1.Deployment(
    `${context.name}-${args.component}`,
    {
      metadata: toMetadata(args.component, context.namespace),
      spec: {
        replicas: args.replicas,
        revisionHistoryLimit: 2,
        selector: { matchLabels: toSelector(args.component) },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: toPodTemplate({ ...args, pod: { ...args.pod, ...spread } }),
      },
    },
    pulumi.mergeOptions(context.options, options),
  );
}

/** Creates a PodDisruptionBudget where more than one pod makes one useful. */
export function createDisruptionBudget(
  context: PlatformContext,
  component: string,
  replicas: number,
): void {
  if (replicas < 2) {
    return;
  }
  new k8s.policy.v1.PodDisruptionBudget(
    `${context.name}-${component}-budget`,
    {
      metadata: toMetadata(component, context.namespace),
      spec: {
        maxUnavailable: 1,
        unhealthyPodEvictionPolicy: "AlwaysAllow",
        selector: { matchLabels: toSelector(component) },
      },
    },
    context.options,
  );
}

/** Creates a Service inside the cluster; `ports` by name, same number on the pod. */
export function createService(
  context: PlatformContext,
  component: string,
  ports: Record<string, number>,
): k8s.core.v1.Service {
  return new k8s.core.v1.Service(
    `${context.name}-${component}-service`,
    {
      metadata: toMetadata(component, context.namespace),
      spec: {
        selector: toSelector(component),
        ports: Object.entries(ports).map(([name, port]) => ({ name, port, targetPort: name })),
      },
    },
    context.options,
  );
}
