/** `ServiceImage`: brings an image that was assembled here to where a cluster's nodes find it. */
import * as pulumi from "@pulumi/pulumi";
import type { Architecture, ImageArtifact } from "../services/contract/index.ts";
import { type Cluster, ImageDeliveryMode, type PreloadTarget } from "./cluster/cluster.ts";
import { run } from "./cluster/host.ts";
import { quote } from "./cluster/host-script.ts";
import { ArgumentError, checkFor } from "./errors.ts";

/** Arguments of `ServiceImage`. */
export interface ServiceImageArgs {
  /** The image. One without archives is pulled by the nodes, and nothing is delivered. */
  image: ImageArtifact;
  /** The cluster that it goes to. */
  cluster: Cluster;
  /** Program that pushes to a registry. @default "crane", from PATH */
  crane?: string;
}

/** Parts of `name:tag@sha256:…`. */
interface Reference {
  repository: string;
  /** Last part of the repository. */
  baseName: string;
  tag: string;
  digest: string;
}

/**
 * An image on a cluster: preloaded on every node, or pushed to the cluster's registry. It is
 * delivered again when its digest changes.
 *
 * @example
 * const gateway = new ServiceImage("gateway", { image: artifacts.images.gateway, cluster });
 * // gateway.reference goes into pod specs: it is known when the nodes have the image.
 */
export class ServiceImage extends pulumi.ComponentResource {
  /** What a pod spec says to get exactly this image. Known when it has been delivered. */
  public readonly reference: pulumi.Output<string>;

  constructor(name: string, args: ServiceImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:ServiceImage", name, {}, opts);
    this.reference = checkFor(this, () => deliver(name, args, this));
    this.registerOutputs({ reference: this.reference });
  }
}

function deliver(
  name: string,
  args: ServiceImageArgs,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  const { image, cluster } = args;
  const { mode } = cluster.imageDelivery;
  const isPulled = Object.keys(image.archives).length === 0;
  if (isPulled || mode === ImageDeliveryMode.None) return pulumi.output(image.reference);
  const reference = parseReference(image.reference);
  const context = { name, args, reference, parent };
  return mode === ImageDeliveryMode.Registry ? push(context) : preload(context);
}

interface Delivery {
  name: string;
  args: ServiceImageArgs;
  reference: Reference;
  parent: pulumi.Resource;
}

function preload({ name, args, reference, parent }: Delivery): pulumi.Output<string> {
  const { image, cluster } = args;
  const deliveries = cluster.imageDelivery.targets.map((target) => {
    const variables = toVariables({
      IMAGE_NAME: reference.baseName,
      ARCHIVE: findArchive(image, target),
      // Read by nobody: the archive is imported again when it changes.
      IMAGE_DIGEST: reference.digest,
    });
    return run(
      `${name}-${target.host}`,
      {
        connection: target.connection,
        options: {
          parent,
          ...(cluster.lifetime && { deletedWith: cluster.lifetime }),
        },
      },
      {
        create: pulumi.interpolate`${variables}\n${target.importScript}`,
        delete: pulumi.interpolate`${variables}\n${target.removeScript}`,
      },
    );
  });
  return pulumi.all(deliveries.map(({ stdout }) => stdout)).apply(() => image.reference);
}

/** Every node's architecture must be there, or its pods fail long after the update. */
function findArchive(image: ImageArtifact, target: PreloadTarget): string {
  const archive = image.archives[target.architecture];
  if (archive !== undefined) return archive;
  throw new ArgumentError(
    `image.archives: must hold one for ${target.architecture} (host ${target.host}), ` +
      `got ${Object.keys(image.archives).join(", ")}`,
  );
}

/**
 * Pushes the image with its own digest. The archives hold the same index and the layers of one
 * architecture each, so all of them together make the layout that is pushed.
 */
function push({ name, args, reference, parent }: Delivery): pulumi.Output<string> {
  const { image, cluster, crane = "crane" } = args;
  const { baseName, tag, digest } = reference;
  const target = `${cluster.imageDelivery.registry ?? ""}/${baseName}:${tag}`;
  const variables = toVariables({
    CRANE: crane,
    ARCHIVES: Object.keys(image.archives)
      .sort()
      .map((architecture) => image.archives[architecture as Architecture])
      .join("\n"),
    DIGEST: digest,
    TARGET: target,
  });
  const pushed = run(
    `${name}-push`,
    { connection: { local: true }, options: { parent } },
    { create: `${variables}\n${PUSH_SCRIPT}` },
  );
  return pushed.stdout.apply(() => `${target}@${digest}`);
}

const PUSH_SCRIPT = `set -e
layout=$(mktemp -d)
trap 'rm -rf "$layout"' EXIT
echo "$ARCHIVES" | while read -r archive; do tar -xf "$archive" -C "$layout"; done
size=$(wc -c < "$layout/blobs/$(echo "$DIGEST" | tr : /)")
printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"%s","size":%d}]}' \\
  application/vnd.oci.image.index.v1+json "$DIGEST" "$size" > "$layout/index.json"
"$CRANE" push "$layout" "$TARGET"`;

function toVariables(variables: Record<string, string>): string {
  return Object.entries(variables)
    .map(([key, value]) => `${key}=${quote(value)}`)
    .join(" ");
}

function parseReference(text: string): Reference {
  const match = /^([^:@]+(?::\d+\/[^:@]+)?):([^:@/]+)@(sha256:[0-9a-f]{64})$/.exec(text);
  const [, repository = "", tag = "", digest = ""] = match ?? [];
  if (!match) {
    throw new ArgumentError(
      `image.reference: must be name:tag@sha256:<64 hexadecimal digits>, got "${text}"`,
    );
  }
  return { repository, baseName: repository.split("/").at(-1) ?? repository, tag, digest };
}
