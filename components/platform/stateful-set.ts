/** A StatefulSet of one pod, and its volume, which is a resource of its own so that it can grow. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentChecks } from "../errors.ts";
import { type PlatformContext, toPodTemplate, type WorkloadArgs } from "./context.ts";
import { toMetadata, toSelector } from "./pods.ts";
import { type VolumeName, VOLUMES, waitForSize } from "./volumes.ts";

/** For Pulumi's Kubernetes plugin. */
const CLAIM_ANNOTATIONS = {
  // Of many classes a volume is made for the first pod only, which comes after the claim.
  "pulumi.com/skipAwait": "true",
  // The StatefulSets of earlier versions have made the claim, and are its fields' owners.
  "pulumi.com/patchForce": "true",
};

/**
 * Creates the claim of the pod's volume, under the name that the StatefulSet looks for: it makes
 * none then. Pulumi never deletes the claim, whatever would make it another resource: it goes with
 * the namespace. Returns the context for what counts on the size of the volume.
 */
export function createVolume(context: PlatformContext, component: VolumeName): PlatformContext {
  const claim = new k8s.core.v1.PersistentVolumeClaim(
    `${context.name}-${component}-volume`,
    {
      metadata: {
        ...toMetadata(component, context.namespace, VOLUMES[component].claim),
        annotations: CLAIM_ANNOTATIONS,
      },
      spec: toClaimSpec(context, component),
    },
    pulumi.mergeOptions(context.options, {
      dependsOn: context.volumesChecked,
      retainOnDelete: true,
    }),
  );
  const checks = new ArgumentChecks(context.platform);
  const volumeGiB = VOLUMES[component].toGiB(context.settings);
  checks.applyAsync(pulumi.all([context.kubeconfig, claim.id]), async ([kubeconfig]) => {
    if (pulumi.runtime.isDryRun()) {
      return;
    }
    const onWait = (line: string): Promise<void> => pulumi.log.info(line, context.platform);
    await waitForSize(kubeconfig, { component, volumeGiB }, { onWait });
  });
  const dependsOn = checks.passed.apply(() => [claim]);
  return { ...context, options: pulumi.mergeOptions(context.options, { dependsOn }) };
}

function toClaimSpec(
  context: PlatformContext,
  component: VolumeName,
): k8s.types.input.core.v1.PersistentVolumeClaimSpec {
  const { storageClass } = context.capabilities;
  return {
    accessModes: ["ReadWriteOnce"],
    // Without a name the cluster's default class makes the volume.
    ...(storageClass !== undefined && { storageClassName: storageClass }),
    resources: {
      requests: { storage: `${VOLUMES[component].toGiB(context.settings)}Gi` },
    },
  };
}

/**
 * Creates the StatefulSet of a pod that mounts its volume as `data`. What it would make a claim of
 * cannot be changed, and has no say where the claim is there.
 */
export function createStatefulSet(
  context: PlatformContext,
  args: WorkloadArgs & { component: VolumeName },
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
            spec: toClaimSpec(context, args.component),
          },
        ],
      },
    },
    pulumi.mergeOptions(context.options, {
      ignoreChanges: ["spec.volumeClaimTemplates[0].spec.resources"],
    }),
  );
}
