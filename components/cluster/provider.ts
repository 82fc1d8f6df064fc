/** The Kubernetes provider of a cluster. */
import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { upsertExisting } from "./upsert.ts";

/** The cluster that a provider is for. */
export interface ProviderPlace {
  kubeconfig: pulumi.Output<string>;
  /** Changes when it is another cluster, on which all objects must be created again. */
  identity: pulumi.Output<string>;
}

/**
 * Makes a provider. Secrets and ConfigMaps are updated in place: a replacement would delete them
 * for a while, or permanently if the update is interrupted, and no pod could start. Pods roll by
 * annotations with a digest of what they mount.
 */
export function createProvider(
  name: string,
  { kubeconfig, identity }: ProviderPlace,
  opts: pulumi.CustomResourceOptions,
): k8s.Provider {
  return new k8s.Provider(
    name,
    {
      kubeconfig,
      enableServerSideApply: true,
      enableSecretMutable: true,
      enableConfigMapMutable: true,
      // The cluster stays the same when its address, its certificates or the names in a kubeconfig
      // change.
      clusterIdentifier: identity,
    },
    { ...opts, transformations: [upsertExisting] },
  );
}
