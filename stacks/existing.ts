/** Target `existing`: a cluster that somebody else made, by its kubeconfig. */
import * as pulumi from "@pulumi/pulumi";
import { findArchitectures } from "../components/cluster/inspect.ts";
import { ExistingCluster, type ExistingClusterArgs } from "../components/index.ts";
import type { Architecture } from "../contract/index.ts";
import { acquire, find } from "../toolchain/acquire.ts";
import {
  type ArtifactOptions,
  findImages,
  type ImagesAtHand,
  resolveImages,
} from "../toolchain/artifacts.ts";
import type { StackConfig } from "./config.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import {
  declarePlatform,
  type PlatformParts,
  type StackOutputs,
  warnOfMissing,
} from "./platform.ts";

/** Declares the platform and the examples on the cluster. */
export async function declareExisting(config: StackConfig): Promise<StackOutputs> {
  const args = toClusterArgs(config);
  const cluster = new ExistingCluster("existing", args);
  const isPushed = args.registry !== undefined;
  const architectures =
    args.capabilities?.architectures ?? (await findArchitectures(args.kubeconfig, args.context));
  // Nodes that have a registry to pull ours from can pull the vendors' too.
  const options = { preload: false, architectures };
  const getOrFind = pulumi.runtime.isDryRun() ? findParts : getParts;
  const parts = await getOrFind(isPushed, options);
  return declarePlatform({ config, cluster, ...parts });
}

type Parts = Pick<PlatformParts, "images" | "crane">;

async function getParts(isPushed: boolean, options: ArtifactOptions): Promise<Parts> {
  const images = await resolveImages(options);
  return { images, crane: isPushed ? (await acquire("crane")).path : undefined };
}

/** For a preview: what is at hand. Without the program that pushes them, images are of no use. */
async function findParts(isPushed: boolean, options: ArtifactOptions): Promise<Parts> {
  const [found, crane] = await Promise.all([
    findImages(options),
    isPushed ? find("crane") : undefined,
  ]);
  const isLacking = isPushed && crane === undefined;
  const images = isLacking ? dropArchived(found) : found;
  await warnOfMissing(images);
  return { images, crane: crane?.path };
}

function dropArchived(images: ImagesAtHand): ImagesAtHand {
  const entries = Object.entries(images).map(([name, image]) => {
    const isArchived = Object.keys(image?.archives ?? {}).length > 0;
    return [name, isArchived ? undefined : image];
  });
  return Object.fromEntries(entries) as ImagesAtHand;
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
