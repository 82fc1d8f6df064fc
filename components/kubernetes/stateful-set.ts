/** A StatefulSet of one pod, and its volume, which is a resource of its own so that it can grow. */
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

/** A pod's volume. */
export interface VolumeArgs {
  component: string;
  sizeGiB: number;
  /** Undefined for the one that the cluster has for all volumes. */
  storageClass: pulumi.Input<string> | undefined;
}

/** What a claim cannot change. */
const CLASS = "storageClass";

/**
 * Creates the claim of the pod's volume, under the name that the StatefulSet looks for: it makes
 * none then. Pulumi never deletes the claim, whatever would make it another resource: it goes with
 * the namespace. Returns the context for what counts on the size of the volume.
 */
export function createVolume(context: PartContext, args: VolumeArgs): PartContext {
  const { component, sizeGiB } = args;
  const { kubeconfig, capabilities } = context.cluster;
  const isPreview = pulumi.runtime.isDryRun();
  const place = pulumi.all([kubeconfig, context.namespace]);
  const before = new ArgumentChecks(context.part);
  const given =
    args.storageClass !== undefined &&
    before.apply(args.storageClass, (name) => checkSubdomain(CLASS, name));
  const storageClass = {
    name: given === false ? pulumi.output(capabilities.storageClass) : given,
    field: given === false ? `capabilities.${CLASS}` : CLASS,
  };
  before.applyAsync(pulumi.all([place, storageClass.name]), ([[config, namespace], name]) =>
    checkVolume(
      config,
      { component, namespace, sizeGiB, storageClass: { ...storageClass, name } },
      isPreview,
    ),
  );
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    `${context.name}-${component}-volume`,
    {
      metadata: {
        ...toMetadata(component, context.namespace, toClaimName(component)),
        annotations: CLAIM_ANNOTATIONS,
      },
      spec: toClaimSpec(context, args),
    },
    pulumi.mergeOptions(context.options, { dependsOn: before.passed, retainOnDelete: true }),
  );
  const after = new ArgumentChecks(context.part);
  after.applyAsync(pulumi.all([place, claim.id]), async ([[config, namespace]]) => {
    if (isPreview) {
      return;
    }
    const onWait = (line: string): Promise<void> => pulumi.log.info(line, context.part);
    await waitForSize(config, { component, namespace, sizeGiB }, { onWait });
  });
  const dependsOn = after.passed.apply(() => [claim]);
  return { ...context, options: pulumi.mergeOptions(context.options, { dependsOn }) };
}

function toClaimSpec(
  context: PartContext,
  { sizeGiB, storageClass = context.cluster.capabilities.storageClass }: VolumeArgs,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec {
  return {
    accessModes: ["ReadWriteOnce"],
    // Without a name the cluster's default class makes the volume.
    ...(storageClass !== undefined && { storageClassName: storageClass }),
    resources: { requests: { storage: `${sizeGiB}Gi` } },
  };
}

/**
 * Creates the StatefulSet of a pod that mounts its volume as `data`. What it would make a claim of
 * cannot be changed, and has no say where the claim is there.
 */
export function createStatefulSet(
  context: PartContext,
  args: WorkloadArgs & VolumeArgs,
): k8s.apps.v1.StatefulSet {
  return new k8s.apps.v1.StatefulSet(
    `${context.name}-${args.component}`,
    {
      metadata: toMetadata(args.component, context.namespace),
      spec: {
        serviceName: args.component,
        replicas: 1,
        revisionHistoryLimit: 2,
        selector: { matchLabels: toSelector(args.component) },
        template: toPodTemplate(args),
        volumeClaimTemplates: [
          {
            metadata: { name: "data", labels: toSelector(args.component) },
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
