/** What each part of a platform gets to build on, and the objects that most of them need. */
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Cluster } from "../cluster/cluster.ts";
import { type ClusterReference, toCluster } from "../cluster/existing-cluster.ts";
import { ArgumentChecks, checkFor } from "../errors.ts";
import type { PodDefaults } from "./pod-options.ts";
import { checkDefaults, type PodSettings } from "./pod-settings.ts";
import { RESTRICTED_POD, toLabels, toMetadata, toSelector, toSpread } from "./pods.ts";
import { checkProfile, type Profile } from "./settings.ts";

type PodSpec = k8s.types.input.core.v1.PodSpec;

/** What each part is told of where it goes. */
export interface PlaceArgs {
  /** The cluster to install on. */
  cluster: ClusterReference;
  /** Namespace of the part; it has to be there. */
  namespace: pulumi.Input<string>;
  /** How much of a machine the part takes. @default "standard" */
  profile?: Profile;
  /** All pods, where those of a workload say nothing else. @default none of it */
  pods?: PodDefaults;
}

/** What each part gets to build on. */
export interface PartContext {
  /** Logical name of the part, prefix of all children's. */
  name: string;
  /** The part itself, on whose row wrong arguments are told. */
  part: pulumi.ComponentResource;
  /** Options of every child: parent, provider, and what it is deleted with. */
  options: pulumi.CustomResourceOptions;
  /** Namespace of the part; known only when it exists. */
  namespace: pulumi.Output<string>;
  cluster: Cluster;
  profile: Profile;
  /** For all pods, checked. */
  pods: PodDefaults;
}

/** Takes the place of a part from its arguments. */
export function createContext(
  part: pulumi.ComponentResource,
  name: string,
  args: PlaceArgs,
): PartContext {
  const cluster = toCluster(args.cluster, name, part);
  const { deletedWith, provider } = cluster;
  return {
    name,
    part,
    options: { parent: part, provider, ...(deletedWith && { deletedWith }) },
    namespace: pulumi.output(args.namespace),
    cluster,
    profile: checkFor(part, () => checkProfile(args.profile)),
    pods: checkDefaults(new ArgumentChecks(part), "pods", args.pods ?? {}),
  };
}

/** The context for what comes after checks: where one of them fails, nothing is made. */
export function comeAfter(context: PartContext, { passed }: ArgumentChecks): PartContext {
  return { ...context, options: pulumi.mergeOptions(context.options, { dependsOn: passed }) };
}

/**
 * Where the cluster outlives the program, definitions and namespaces stay: they hold what others
 * made, and their deletion would take it along. What the program made in them goes.
 */
export function retainWithCluster({ deletedWith }: pulumi.CustomResourceOptions): {
  retainOnDelete: boolean;
} {
  return { retainOnDelete: deletedWith === undefined };
}

/** For Pulumi's Kubernetes plugin: the fields of an object become the stack's, whoever had them. */
export const TAKE_OVER = { "pulumi.com/patchForce": "true" } as const;

/**
 * Annotations of what stays with the cluster: it keeps the field manager of the stack that has
 * gone, and the next one, of whatever name, takes it over.
 */
export function toRetainedAnnotations(
  options: pulumi.CustomResourceOptions,
): Record<string, string> {
  return retainWithCluster(options).retainOnDelete ? TAKE_OVER : {};
}

/** Annotation that rolls pods when a file they mount has changed. */
const CONFIG_HASH = "plonk/config-sha256";

/** Files in a ConfigMap, and the annotations for pods that mount it. */
export interface ConfigFiles {
  /** Name of the ConfigMap. */
  name: pulumi.Output<string>;
  annotations: pulumi.Output<Record<string, string>>;
}

/** A Secret of a part. */
interface SecretArgs {
  name: string;
  /** In base64, by keys. */
  data: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Beside those of all children. */
  options: pulumi.CustomResourceOptions;
}

/** Creates an opaque Secret. */
export function createSecret(
  context: PartContext,
  component: string,
  { name, data, options }: SecretArgs,
): k8s.core.v1.Secret {
  return new k8s.core.v1.Secret(
    `${context.name}-${name}`,
    { metadata: toMetadata(component, context.namespace, name), type: "Opaque", data },
    pulumi.mergeOptions(context.options, options),
  );
}

/** Text as the data of a Secret has it. */
export function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Creates the ConfigMap `<component>-config`. */
export function createConfigFiles(
  context: PartContext,
  component: string,
  files: pulumi.Input<Record<string, pulumi.Input<string>>>,
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
  /** What the program says of its pods. */
  settings: PodSettings;
  /** Annotations of the pods. */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** Pod template with labels, and without a token unless the pod names a ServiceAccount. */
export function toPodTemplate(args: WorkloadArgs): k8s.types.input.core.v1.PodTemplateSpec {
  const { component, pod, settings } = args;
  const own = toLabels(component);
  const annotations = toAnnotations(args);
  return {
    metadata: {
      labels: settings.labels ? settings.labels.apply((labels) => ({ ...labels, ...own })) : own,
      ...(annotations && { annotations }),
    },
    spec: {
      securityContext: RESTRICTED_POD,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...pod,
      ...settings.spec,
    },
  };
}

/** The workload's own annotations, and the program's. */
function toAnnotations({ annotations: own, settings }: WorkloadArgs): WorkloadArgs["annotations"] {
  const { annotations: given } = settings;
  return own && given
    ? pulumi.all([given, own]).apply(([some, others]) => ({ ...some, ...others }))
    : (given ?? own);
}

/** Options of a workload: it comes after the checks of what the program says of its pods. */
export function toWorkloadOptions(
  context: PartContext,
  { settings }: WorkloadArgs,
): pulumi.CustomResourceOptions {
  return pulumi.mergeOptions(context.options, { dependsOn: settings.passed });
}

/** A workload whose pods keep nothing. */
export interface DeploymentArgs extends WorkloadArgs {
  /** Undefined: it has one at first, and somebody else changes that. */
  replicas?: number;
  /** As many as there can be. @default `replicas` */
  most?: number;
  /** Of the Deployment itself, beside its name. */
  metadata?: { annotations: Record<string, string> };
}

/** Creates a Deployment that replaces its pods without a gap. */
export function createDeployment(
  context: PartContext,
  args: DeploymentArgs,
  options: pulumi.CustomResourceOptions = {},
): k8s.apps.v1.Deployment {
  const { replicas, most = replicas ?? 1 } = args;
  const spread = most > 1 && { topologySpreadConstraints: toSpread(args.component) };
  return new k8s.apps.v1.Deployment(
    `${context.name}-${args.component}`,
    {
      metadata: { ...toMetadata(args.component, context.namespace), ...args.metadata },
      spec: {
        ...(replicas !== undefined && { replicas }),
        revisionHistoryLimit: 2,
        selector: { matchLabels: toSelector(args.component) },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
        template: toPodTemplate({ ...args, pod: { ...args.pod, ...spread } }),
      },
    },
    pulumi.mergeOptions(toWorkloadOptions(context, args), options),
  );
}

/** Creates a PodDisruptionBudget where more than one pod makes one useful. */
export function createDisruptionBudget(
  context: PartContext,
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
  context: PartContext,
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
