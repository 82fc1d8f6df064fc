/** A StatefulSet, and a volume for each pod, which is a resource of its own so that it can grow. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentChecks } from "../errors.ts";
import { checkSubdomain } from "./pod-checks.ts";
import { toMetadata, toSelector } from "./pods.ts";
import { checkVolume, toClaimName, waitForSize } from "./volumes.ts";
import {
  type PartContext,
  TAKE_OVER,
  toPodTemplate,
  toWorkloadOptions,
  type WorkloadArgs,
} from "./workloads.ts";

/** For Pulumi's Kubernetes plugin. */
const CLAIM_ANNOTATIONS = {
  // Of many classes a volume is made for the first pod only, which comes after the claim.
  "pulumi.com/skipAwait": "true",
  // The StatefulSets of earlier versions have made the claim, and are its fields' owners.
  ...TAKE_OVER,
};

/** The pods' volumes, each of them the same. */
export interface VolumeArgs {
  component: string;
  /** @default 1 */
  pods?: number;
  sizeGiB: pulumi.Input<number>;
  /** Undefined for the one that the cluster has for all volumes. */
  storageClass: pulumi.Input<string> | undefined;
}

/** What a claim cannot change. */
const CLASS = "storageClass";

/**
 * Creates the claims of the pods' volumes, under the names that the StatefulSet looks for: it makes
 * none then. Pulumi never deletes a claim, whatever would make it another resource: it goes with
 * the namespace. Returns the context for what counts on the size of the volumes.
 */
export function createVolumes(context: PartContext, args: VolumeArgs): PartContext {
  const { pods = 1 } = args;
  const ordinals = Array.from({ length: pods }, (_, ordinal) => ordinal);
  const dependsOn = ordinals.map((ordinal) => createVolume(context, { ...args, ordinal }));
  const options = dependsOn.reduce<pulumi.CustomResourceOptions>(
    (all, each) => pulumi.mergeOptions(all, { dependsOn: each }),
    context.options,
  );
  return { ...context, options };
}

/** Creates one of them; what is returned is there when it has its size. */
function createVolume(
  context: PartContext,
  args: VolumeArgs & { ordinal: number },
): pulumi.Output<pulumi.Resource[]> {
  const { component, ordinal } = args;
  const { kubeconfig, capabilities } = context.cluster;
  const isPreview = pulumi.runtime.isDryRun();
  const place = pulumi.all([kubeconfig, context.namespace, args.sizeGiB]);
  const before = new ArgumentChecks(context.part);
  const given =
    args.storageClass !== undefined &&
    before.apply(args.storageClass, (name) => checkSubdomain(CLASS, name));
  const storageClass = {
    name: given === false ? pulumi.output(capabilities.storageClass) : given,
    field: given === false ? `capabilities.${CLASS}` : CLASS,
  };
  before.applyAsync(
    pulumi.all([place, storageClass.name]),
    ([[config, namespace, sizeGiB], name]) =>
      checkVolume(
        config,
        { component, namespace, sizeGiB, ordinal, storageClass: { ...storageClass, name } },
        isPreview,
      ),
  );
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    `${context.name}-${component}-volume${ordinal === 0 ? "" : `-${ordinal}`}`,
    {
      metadata: {
        ...toMetadata(component, context.namespace, toClaimName(component, ordinal)),
        annotations: CLAIM_ANNOTATIONS,
      },
      spec: toClaimSpec(context, args),
    },
    pulumi.mergeOptions(context.options, { dependsOn: before.passed, retainOnDelete: true }),
  );
  const after = new ArgumentChecks(context.part);
  after.applyAsync(pulumi.all([place, claim.id]), async ([[config, namespace, sizeGiB]]) => {
    if (isPreview) {
      return;
    }
    const onWait = (line: string): Promise<void> => pulumi.log.info(line, context.part);
    await waitForSize(config, { component, namespace, sizeGiB, ordinal }, { onWait });
  });
  return after.passed.apply(() => [claim]);
}

function toClaimSpec(
  context: PartContext,
  { sizeGiB, storageClass = context.cluster.capabilities.storageClass }: VolumeArgs,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec {
  return {
    accessModes: ["ReadWriteOnce"],
    // Without a name the cluster's default class makes the volume.
    ...(storageClass !== undefined && { storageClassName: storageClass }),
    resources: { requests: { storage: pulumi.interpolate`${sizeGiB}Gi` } },
  };
}

/** What more pods than one need to be a cluster. */
export interface ClusterArgs {
  /** The Service that names each pod; it cannot be changed. @default that of the component */
  serviceName?: string;
}

/**
 * Creates the StatefulSet of pods that mount their volumes as `data`. What it would make a claim of
 * cannot be changed, and has no say where the claim is there. More pods than one start at once, as
 * none of them is ready alone, and are replaced one after the other.
 */
export function createStatefulSet(
  context: PartContext,
  args: WorkloadArgs & VolumeArgs & ClusterArgs,
): k8s.apps.v1.StatefulSet {
  const { component, pods = 1, serviceName = component } = args;
  return new k8s.apps.v1.StatefulSet(
    `${context.name}-${component}`,
    {
      metadata: toMetadata(component, context.namespace),
      spec: {
        serviceName,
        replicas: pods,
        ...(pods > 1 && { podManagementPolicy: "Parallel" }),
        revisionHistoryLimit: 2,
        selector: { matchLabels: toSelector(component) },
        template: toPodTemplate(args),
        volumeClaimTemplates: [
          {
            metadata: { name: "data", labels: toSelector(component) },
            spec: toClaimSpec(context, args),
          },
        ],
      },
    },
    pulumi.mergeOptions(toWorkloadOptions(context, args), {
      ignoreChanges: ["spec.volumeClaimTemplates[0].spec.resources"],
    }),
  );
}
