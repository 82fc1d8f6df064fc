/** Target `existing`: a cluster that somebody else made, by its kubeconfig. */
import * as pulumi from "@pulumi/pulumi";
import { ExistingCluster, type ExistingClusterArgs } from "../components/index.ts";
import { findArchitectures } from "../components/cluster/inspect.ts";
import type { Architecture } from "../services/contract/index.ts";
import { acquire } from "../toolchain/acquire.ts";
import { resolveImages } from "../toolchain/artifacts.ts";
import type { StackConfig } from "./config.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import { declarePlatform, type StackOutputs } from "./platform.ts";

/** Declares the platform and the examples on the cluster. */
export async function declareExisting(config: StackConfig): Promise<StackOutputs> {
  const args = toClusterArgs(config);
  const cluster = new ExistingCluster("existing", args);
  const architectures =
    args.capabilities?.architectures ?? (await findArchitectures(args.kubeconfig, args.context));
  // Nodes that have a registry to pull ours from can pull the vendors' too.
  const images = await resolveImages({ preload: false, architectures });
  const crane = args.registry === undefined ? undefined : (await acquire("crane")).path;
  return declarePlatform({ config, cluster, images, crane });
}

/**
 * What the configuration says of the cluster.
 *
 * @throws pulumi.RunError when images have no way to the nodes: before anything is built for it
 */
export function toClusterArgs(config: StackConfig): ExistingClusterArgs & { kubeconfig: string } {
  const { kubeContext, registry, imageCommand, nodeAddress, storageClass, architectures } = config;
  if (registry === "" && imageCommand === "") {
    throw new pulumi.RunError(
      "plonk:registry: expected a registry that the nodes pull from, or a command in " +
        "plonk:imageCommand that takes images to them, got neither",
    );
  }
  return {
    kubeconfig: loadKubeconfig(config.kubeconfig),
    ...(kubeContext !== "" && { context: kubeContext }),
    ...(registry !== "" && { registry }),
    ...(imageCommand !== "" && { imageCommand }),
    ...(nodeAddress !== "" && { nodeAddress }),
    capabilities: {
      loadBalancer: config.loadBalancer,
      networkPolicy: config.networkPolicy,
      ...(storageClass !== "" && { storageClass }),
      ...(architectures !== "" && { architectures: architectures.split(",") as Architecture[] }),
    },
  };
}
