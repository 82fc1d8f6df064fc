/** `ServiceImage`: brings an image that was assembled here to where a cluster's nodes find it. */
import * as pulumi from "@pulumi/pulumi";
import type { Architecture, ImageArtifact } from "../contract/index.ts";
import { type Cluster, ImageDeliveryMode } from "./cluster/cluster.ts";
import { type HostPlace, type HostStep, run } from "./cluster/host.ts";
import { quote, toWord } from "./cluster/host-script.ts";
import { ArgumentChecks, ArgumentError, checkFor } from "./errors.ts";
import { PUSH_SCRIPT, toImportScript } from "./image-scripts.ts";
import { UNKNOWN, whenKnown } from "./unknown.ts";

/** Arguments of `ServiceImage`. */
export interface ServiceImageArgs {
  /**
   * The image. One without archives is pulled by the nodes, and nothing is delivered. Undefined in
   * a preview on a machine that does not have it: the one that was delivered last is taken to stay.
   */
  image: ImageArtifact | undefined;
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
  { image, cluster, crane = "crane" }: ServiceImageArgs,
  parent: pulumi.Resource,
): pulumi.Output<string> {
  const delivery = DELIVERIES[cluster.imageDelivery.mode]({ name, cluster, crane, parent });
  if (image === undefined) {
    return keepLast(delivery);
  }
  const isPulled = Object.keys(image.archives).length === 0;
  if (isPulled) {
    return pulumi.output(image.reference);
  }
  const known = { ...image, ...parseReference(image.reference) };
  const reference = delivery.toReference(known);
  const checks = new ArgumentChecks(parent);
  const checked = delivery.isWhole ? checkArchitectures(checks, image, cluster) : checks.passed;
  const first = delivery.isWhole ? firstDeliveries.get(cluster) : undefined;
  const dependsOn = checked.apply((others) => (first ? [...others, first] : others));
  const delivered = delivery.steps.map(({ name: step, place, triggers, toCommands }) =>
    run(
      step,
      { ...place, options: pulumi.mergeOptions(place.options, { dependsOn }) },
      { ...toCommands(known), ...(triggers && { triggers }), environment: { IMAGE: reference } },
    ),
  );
  const [shown] = delivered;
  if (delivery.isWhole && !first && shown) {
    firstDeliveries.set(cluster, shown);
  }
  return after(delivered, reference, checked);
}

/** What shows whether images reach a cluster: the others come after it, and fail only once. */
const firstDeliveries = new WeakMap<Cluster, pulumi.Resource>();

/** The image that was delivered last, by what the state knows of the first step. */
function keepLast({ steps }: Delivery): pulumi.Output<string> {
  if (!pulumi.runtime.isDryRun()) {
    throw new ArgumentError("image: must be there in an update, got none");
  }
  const [kept] = steps.map(({ name, place, triggers, isUndone }) =>
    run(name, place, {
      create: UNKNOWN,
      ...(isUndone && { delete: UNKNOWN }),
      ...(triggers && { triggers }),
      environment: { IMAGE: UNKNOWN },
      isKept: true,
    }),
  );
  if (kept === undefined) {
    return UNKNOWN;
  }
  return kept.environment.apply((variables) => whenKnown(variables?.["IMAGE"], (image) => image));
}

/** How images reach the nodes of a cluster. */
interface Delivery {
  steps: DeliveryStep[];
  /** Whether it takes all architectures at once, wherever the nodes are. */
  isWhole: boolean;
  /** What a pod spec says. Steps have it as `IMAGE` in their environment. */
  toReference: (image: KnownImage) => string;
}

type KnownImage = ImageArtifact & Reference;

/** One command that takes an image somewhere. */
interface DeliveryStep {
  name: string;
  place: HostPlace;
  triggers?: pulumi.Input<string>[];
  /** Whether there is a `delete` among the commands. */
  isUndone: boolean;
  toCommands: (image: KnownImage) => Pick<HostStep, "create" | "delete" | "stdin">;
}

interface DeliveryContext {
  name: string;
  cluster: Cluster;
  crane: string;
  parent: pulumi.Resource;
}

const DELIVERIES: Record<ImageDeliveryMode, (context: DeliveryContext) => Delivery> = {
  [ImageDeliveryMode.Preload]: preload,
  [ImageDeliveryMode.Registry]: push,
  [ImageDeliveryMode.Command]: handOver,
  [ImageDeliveryMode.None]: refuse,
};

/** An archive is on this machine only: pods would wait for its image for ever. */
function refuse(): Delivery {
  return {
    steps: [],
    isWhole: false,
    toReference: ({ reference }) => {
      throw new ArgumentError(
        "cluster.imageDelivery: must be a registry or a command for images that are made here, " +
          `got none for ${reference}; set registry or imageCommand of the cluster`,
      );
    },
  };
}

function preload({ name, cluster, parent }: DeliveryContext): Delivery {
  const options = { parent, ...(cluster.lifetime && { deletedWith: cluster.lifetime }) };
  const steps = cluster.imageDelivery.targets.map((target) => ({
    name: `${name}-${target.host}`,
    place: { connection: target.connection, options },
    triggers: [cluster.identity],
    isUndone: true,
    toCommands: (image: KnownImage) => {
      const variables = toVariables({
        IMAGE_NAME: quote(image.baseName),
        ARCHIVE: toWord(findArchive(image, target.architecture, `host ${target.host}`)),
        // What the host waits for; the archive is imported again when it changes.
        IMAGE_DIGEST: quote(image.digest),
      });
      return {
        create: pulumi.interpolate`${variables}\n${target.importScript}`,
        delete: pulumi.interpolate`${variables}\n${target.removeScript}`,
      };
    },
  }));
  return { steps, isWhole: false, toReference: ({ reference }) => reference };
}

/**
 * A text that is known at once, though what depends on it waits for `deliveries`: an URN is known
 * in a preview already, and resolves when its resource is there.
 */
function after(
  deliveries: pulumi.Resource[],
  text: string,
  checked: pulumi.Output<unknown>,
): pulumi.Output<string> {
  return pulumi.all([checked, ...deliveries.map(({ urn }) => urn)]).apply(() => text);
}

/** For `dependsOn`: fails where the image is missing for an architecture that nodes have. */
function checkArchitectures(
  checks: ArgumentChecks,
  image: ImageArtifact,
  cluster: Cluster,
): pulumi.Output<pulumi.Resource[]> {
  // The cluster is asked while the program's text runs to its end.
  checks.applyAsync(cluster.architectures, async (known) => {
    for (const each of known) {
      findArchive(image, each, "which nodes have");
    }
    return Promise.resolve();
  });
  return checks.passed;
}

/** Every node's architecture must be there, or its pods fail long after the update. */
function findArchive(image: ImageArtifact, architecture: Architecture, place: string): string {
  const archive = image.archives[architecture];
  if (archive !== undefined) {
    return archive;
  }
  throw new ArgumentError(
    `image.archives: must hold one for ${architecture} (${place}), ` +
      `got ${Object.keys(image.archives).join(", ")}`,
  );
}

/** Pushes the image with its own digest. */
function push({ name, cluster, crane, parent }: DeliveryContext): Delivery {
  const toTarget = ({ baseName, tag }: KnownImage): string =>
    `${cluster.imageDelivery.registry ?? ""}/${baseName}:${tag}`;
  const step: DeliveryStep = {
    name: `${name}-push`,
    place: { connection: { local: true }, options: { parent } },
    isUndone: false,
    toCommands: (image) => ({
      create: `sh -s -- push ${quote(toTarget(image))}`,
      stdin: toScript({ CRANE: toWord(crane), ...toLayoutVariables(image) }, PUSH_SCRIPT),
    }),
  };
  const toReference = (image: KnownImage): string => `${toTarget(image)}@${image.digest}`;
  return { steps: [step], isWhole: true, toReference };
}

/** Gives an archive of all architectures to the cluster's own command. */
function handOver({ name, cluster, parent }: DeliveryContext): Delivery {
  const script = toImportScript(cluster.imageDelivery.command ?? "");
  const step: DeliveryStep = {
    name: `${name}-import`,
    place: { connection: { local: true }, options: { parent } },
    triggers: [cluster.identity],
    isUndone: false,
    toCommands: (image) => ({
      create: `sh -s -- import ${quote(image.reference)}`,
      stdin: toScript(toLayoutVariables(image), script),
    }),
  };
  return { steps: [step], isWhole: true, toReference: ({ reference }) => reference };
}

function toLayoutVariables(image: KnownImage): Record<string, string> {
  const archives = Object.entries(image.archives).sort(([a], [b]) => (a < b ? -1 : 1));
  // One a line; the line break is quoted for sh.
  const words = archives.map(([, archive]) => toWord(archive)).join("'\n'");
  return { ARCHIVES: words, DIGEST: quote(image.digest) };
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
