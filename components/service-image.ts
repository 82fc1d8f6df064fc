/** `ServiceImage`: brings an image that was assembled here to where a cluster's nodes find it. */
import * as pulumi from "@pulumi/pulumi";
import type { Architecture, ImageArtifact } from "../services/contract/index.ts";
import { type Cluster, ImageDeliveryMode } from "./cluster/cluster.ts";
import { run } from "./cluster/host.ts";
import { quote, toWord } from "./cluster/host-script.ts";
import { ArgumentChecks, ArgumentError, checkFor } from "./errors.ts";
import { PUSH_SCRIPT, toImportScript } from "./image-scripts.ts";

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
 * An image on a cluster: preloaded on every node, pushed to the cluster's registry, or taken there
 * by a command. It is delivered again when its digest changes.
 *
 * @example
 * const gateway = new ServiceImage("gateway", { image: artifacts.images.gateway, cluster });
 * // gateway.reference goes into pod specs: what has it comes after the delivery.
 */
export class ServiceImage extends pulumi.ComponentResource {
  /**
   * What a pod spec says to get exactly this image. Known in previews; what is declared with it
   * is made when the image has been delivered.
   */
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
  if (isPulled) return pulumi.output(image.reference);
  const context = { name, args, reference: parseReference(image.reference), parent };
  return DELIVER[mode](context);
}

const DELIVER: Record<ImageDeliveryMode, (delivery: Delivery) => pulumi.Output<string>> = {
  [ImageDeliveryMode.Preload]: preload,
  [ImageDeliveryMode.Registry]: push,
  [ImageDeliveryMode.Command]: handOver,
  [ImageDeliveryMode.None]: refuse,
};

/** Its archive is on this machine only: pods would wait for it for ever. */
function refuse({ args }: Delivery): never {
  throw new ArgumentError(
    "cluster.imageDelivery: must be a registry or a command for images that are made here, " +
      `got none for ${args.image.reference}; set registry or imageCommand of the cluster`,
  );
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
      IMAGE_NAME: quote(reference.baseName),
      ARCHIVE: toWord(findArchive(image, target.architecture, `host ${target.host}`)),
      // What the host waits for; the archive is imported again when it changes.
      IMAGE_DIGEST: quote(reference.digest),
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
        triggers: [cluster.identity],
        create: pulumi.interpolate`${variables}\n${target.importScript}`,
        delete: pulumi.interpolate`${variables}\n${target.removeScript}`,
      },
    );
  });
  return after(deliveries, image.reference);
}

/**
 * A text that is known at once, though what depends on it waits for `deliveries`: an URN is known
 * in a preview already, and resolves when its resource is there.
 */
function after(
  deliveries: pulumi.Resource[],
  text: string,
  checked?: pulumi.Output<unknown>,
): pulumi.Output<string> {
  return pulumi.all([checked, ...deliveries.map(({ urn }) => urn)]).apply(() => text);
}

/** Every node's architecture must be there, or its pods fail long after the update. */
function findArchive(image: ImageArtifact, architecture: Architecture, place: string): string {
  const archive = image.archives[architecture];
  if (archive !== undefined) return archive;
  throw new ArgumentError(
    `image.archives: must hold one for ${architecture} (${place}), ` +
      `got ${Object.keys(image.archives).join(", ")}`,
  );
}

/** The push that shows whether a cluster's registry takes images: the others come after it. */
const firstPushes = new WeakMap<Cluster, pulumi.Resource>();

/** Pushes the image with its own digest. */
function push(delivery: Delivery): pulumi.Output<string> {
  const { name, args, reference } = delivery;
  const { cluster, crane = "crane" } = args;
  const { baseName, tag, digest } = reference;
  const target = `${cluster.imageDelivery.registry ?? ""}/${baseName}:${tag}`;
  const checked = checkArchitectures(delivery);
  const first = firstPushes.get(cluster);
  const pushed = run(
    `${name}-push`,
    {
      connection: { local: true },
      options: { parent: delivery.parent, dependsOn: first ? all(checked, first) : checked },
    },
    {
      create: `sh -s -- push ${quote(target)}`,
      stdin: toScript({ CRANE: toWord(crane), ...toLayoutVariables(args, digest) }, PUSH_SCRIPT),
    },
  );
  if (!first) firstPushes.set(cluster, pushed);
  return after([pushed], `${target}@${digest}`, checked);
}

/** Gives an archive of all architectures to the cluster's own command. */
function handOver(delivery: Delivery): pulumi.Output<string> {
  const { name, args, reference, parent } = delivery;
  const { image, cluster } = args;
  const checked = checkArchitectures(delivery);
  const handed = run(
    `${name}-import`,
    { connection: { local: true }, options: { parent, dependsOn: checked } },
    {
      triggers: [cluster.identity],
      create: `sh -s -- import ${quote(image.reference)}`,
      stdin: toScript(
        toLayoutVariables(args, reference.digest),
        toImportScript(cluster.imageDelivery.command ?? ""),
      ),
    },
  );
  return after([handed], image.reference, checked);
}

/** For `dependsOn`: fails where the image is missing for an architecture that nodes have. */
function checkArchitectures({ args, parent }: Delivery): pulumi.Output<pulumi.Resource[]> {
  const checks = new ArgumentChecks(parent);
  // The cluster is asked while the program's text runs to its end.
  checks.applyAsync(args.cluster.architectures, async (known) => {
    for (const each of known) findArchive(args.image, each, "which nodes have");
    return Promise.resolve();
  });
  return checks.passed;
}

function all(
  checked: pulumi.Output<pulumi.Resource[]>,
  first: pulumi.Resource,
): pulumi.Output<pulumi.Resource[]> {
  return checked.apply((others) => [...others, first]);
}

function toLayoutVariables({ image }: ServiceImageArgs, digest: string): Record<string, string> {
  const archives = Object.entries(image.archives).sort(([a], [b]) => (a < b ? -1 : 1));
  // One a line; the line break is quoted for sh.
  const words = archives.map(([, archive]) => toWord(archive)).join("'\n'");
  return { ARCHIVES: words, DIGEST: quote(digest) };
}

/** It goes to a shell's standard input: Pulumi shows the whole command where one fails. */
function toScript(words: Record<string, string>, script: string): string {
  return `${toVariables(words)}\n${script}\n`;
}

/** `words` are quoted for sh. */
function toVariables(words: Record<string, string>): string {
  return Object.entries(words)
    .map(([key, word]) => `${key}=${word}`)
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
