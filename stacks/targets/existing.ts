/** Target `existing`: a cluster that Plonk did not create, by its kubeconfig. */
import * as pulumi from "@pulumi/pulumi";
import { findArchitectures } from "../../components/cluster/inspect.ts";
import { ExistingCluster, type ExistingClusterArgs } from "../../components/index.ts";
import type { Architecture } from "../../contract/index.ts";
import { acquire, find } from "../../toolchain/acquire.ts";
import {
  type ArtifactOptions,
  findImages,
  type ImagesAtHand,
  resolveImages,
} from "../../toolchain/artifacts.ts";
import { defineTarget, type TargetConfig } from "../config.ts";
import {
  declarePlatform,
  type PlatformParts,
  type StackOutputs,
  warnOfMissing,
} from "../platform.ts";
import { flag, type Settings, text } from "../settings.ts";
import { loadKubeconfig } from "./kubeconfig.ts";

const settings = {
  kubeconfig: text({
    description:
      "path of the kubeconfig; empty for $KUBECONFIG (also a list) or ~/.kube/config; the one context becomes part of the state, encrypted",
    expected: "a path",
  }),
  kubeContext: text({
    description: "context in the kubeconfig; empty for its current one",
    expected: "a name",
  }),
  // Without a scheme and a trailing slash, as it is the prefix of image names.
  registry: text({
    pattern: "^([^/:\\s]+(:\\d+)?(/[^/\\s]+)*)?$",
    description:
      "registry and path that images are pushed to (with the login of `docker login`), e.g. registry.example.com/plonk",
    expected: "a registry and path, e.g. registry.example.com/plonk",
  }),
  imageCommand: text({
    description:
      'without a registry, the command that takes an image to the nodes, e.g. `kind load image-archive "$ARCHIVE"`',
    expected: "a command",
  }),
  nodeAddress: text({
    pattern: "^[^/\\s]*$",
    description:
      "address of a node, where NodePorts answer; empty for the one that the cluster names",
    expected: "a name or an address",
  }),
  loadBalancer: flag({
    description: "whether Services of type LoadBalancer get an address; else a NodePort is used",
  }),
  storageClass: text({
    description: "StorageClass of the volumes; empty for the cluster's default one",
    expected: "a name",
  }),
  architectures: text({
    pattern: "^((amd64|arm64)(,(amd64|arm64))*)?$",
    description:
      "processor architectures of the nodes, e.g. `amd64,arm64`; empty for those that the nodes say, amd64 where they may not be listed",
    expected: "amd64, arm64, or amd64,arm64",
  }),
  networkPolicy: flag({
    description: "whether the cluster enforces NetworkPolicies; none are made otherwise",
  }),
} satisfies Settings;

/** The target for existing clusters. */
export const existing = defineTarget({
  description: "any cluster, by its kubeconfig",
  settings,
  declare,
});

/** The configuration of this target. */
export type ExistingConfig = TargetConfig<typeof settings>;

/** Declares the platform and the examples on the cluster. */
async function declare(config: ExistingConfig): Promise<StackOutputs> {
  const args = toClusterArgs(config);
  const cluster = new ExistingCluster("existing", args);
  const isPushed = args.registry !== undefined;
  const architectures =
    toArchitectures(config) ?? (await findArchitectures(args.kubeconfig, args.context));
  // Nodes that pull our images from a registry can pull the vendors', too.
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

/** For a preview: what is available locally. Images that cannot be pushed are left out. */
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

/** What is known before anything runs. */
interface KnownArgs {
  kubeconfig: string;
  context?: string;
}

/**
 * Converts the configuration of the cluster.
 *
 * @throws pulumi.RunError when images cannot reach the nodes, before anything is built
 */
export function toClusterArgs(config: ExistingConfig): ExistingClusterArgs & KnownArgs {
  const { kubeContext, registry, imageCommand, nodeAddress, storageClass } = config;
  const architectures = toArchitectures(config);
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
      ...(architectures && { architectures }),
    },
  };
}

function toArchitectures({ architectures }: ExistingConfig): Architecture[] | undefined {
  return architectures === "" ? undefined : (architectures.split(",") as Architecture[]);
}
