/** `ServiceImage`: delivers a locally assembled image to the nodes of a cluster. */
import * as pulumi from "@pulumi/pulumi";
import type { Architecture, ImageArtifact } from "../contract/index.ts";
import { type Cluster, ImageDeliveryMode } from "./cluster/cluster.ts";
import { type ClusterReference, toCluster } from "./cluster/existing-cluster.ts";
import { type HostOptions, type HostStep, run } from "./cluster/host.ts";
import { quote, toWord } from "./cluster/host-script.ts";
import { ArgumentChecks, ArgumentError, checkFor } from "./errors.ts";
import { PUSH_SCRIPT, toImportScript } from "./image-scripts.ts";
import { UNKNOWN, whenKnown } from "./unknown.ts";

/** Arguments of `ServiceImage`. */
export interface ServiceImageArgs {
  /**
   * The image. One without archives is pulled by the nodes, and nothing is delivered. Undefined in
   * a preview on a machine without it: the image that was delivered last is assumed to stay.
   */
  image: ImageArtifact | undefined;
  /** The cluster that it goes to. */
  cluster: ClusterReference;
  /** Program that pushes to a registry. @default "crane", from PATH */
  crane?: pulumi.Input<string>;
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
 * An image on a cluster: preloaded on every node, pushed to the cluster's registry, or delivered by
 * a command. It is delivered again when its digest changes.
 *
 * @example
 * const gateway = new ServiceImage("gateway", { image: artifacts.images.gateway, cluster });
 * // Use gateway.reference in pod specs: these objects then wait for the delivery.
 */
export class ServiceImage extends pulumi.ComponentResource {
  /**
   * The reference for pod specs, with the digest. Known in previews; resources that use it are
   * created after the delivery.
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
  { image, cluster: given, crane = "crane" }: ServiceImageArgs,
  parent: pulumi.ComponentResource,
): pulumi.Output<string> {
  const cluster = toCluster(given, name, parent);
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

/** The first delivery to each cluster: the others wait for it, so that a failure is shown once. */
const firstDeliveries = new WeakMap<Cluster, pulumi.Resource>();

/** The image that was delivered last, from the state of the first step. */
function keepLast({ steps }: Delivery): pulumi.Output<string> {
  if (!pulumi.runtime.isDryRun()) {
    throw new ArgumentError("image: expected one in an update, got none");
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
  /** Whether it delivers all architectures at once. */
  isWhole: boolean;
  /** The reference for pod specs. Steps have it as `IMAGE` in their environment. */
  toReference: (image: KnownImage) => pulumi.Input<string>;
}

type KnownImage = ImageArtifact & Reference;

/** One command of a delivery. */
interface DeliveryStep {
  name: string;
  place: HostOptions;
  triggers?: pulumi.Input<string>[];
  /** Whether the step has a `delete` command. */
  isUndone: boolean;
  toCommands: (image: KnownImage) => Pick<HostStep, "create" | "delete" | "stdin">;
}

interface DeliveryContext {
  name: string;
  cluster: Cluster;
  crane: pulumi.Input<string>;
  parent: pulumi.Resource;
}

const DELIVERIES: Record<ImageDeliveryMode, (context: DeliveryContext) => Delivery> = {
  [ImageDeliveryMode.Preload]: preload,
  [ImageDeliveryMode.Registry]: push,
  [ImageDeliveryMode.Command]: handOver,
  [ImageDeliveryMode.None]: refuse,
};

/** Refuses an archive without a delivery: pods could never get its image. */
function refuse(): Delivery {
  return {
    steps: [],
    isWhole: false,
    toReference: ({ reference }) => {
      throw new ArgumentError(
        "cluster.imageDelivery: expected a registry or a command for images that are made here, " +
          `got none for ${reference}; set registry or imageCommand of the cluster`,
      );
    },
  };
}

function preload({ name, cluster, parent }: DeliveryContext): Delivery {
  const options = { parent, ...(cluster.deletedWith && { deletedWith: cluster.deletedWith }) };
  const steps = cluster.imageDelivery.targets.map((target) => ({
    name: `${name}-${target.host}`,
    place: { connection: target.connection, options },
    triggers: [cluster.identity],
    isUndone: true,
    toCommands: (image: KnownImage) => {
      const variables = toVariables({
        IMAGE_NAME: quote(image.baseName),
        ARCHIVE: toWord(findArchive(image, target.architecture, `host ${target.host}`)),
        // The host waits for this digest; a changed one triggers another import.
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
 * A text that is known in previews, though its dependents wait for `deliveries`: a URN is known in
 * a preview, and resolves when its resource exists.
 */
function after(
  deliveries: pulumi.Resource[],
  text: pulumi.Input<string>,
  checked: pulumi.Output<unknown>,
): pulumi.Output<string> {
  const done = pulumi.all([checked, ...deliveries.map(({ urn }) => urn)]);
  return pulumi.all([text, done]).apply(([known]) => known);
}

/** For `dependsOn`: fails when the image lacks an architecture of the nodes. */
function checkArchitectures(
  checks: ArgumentChecks,
  image: ImageArtifact,
  cluster: Cluster,
): pulumi.Output<pulumi.Resource[]> {
  // The cluster is queried while the rest of the program runs.
  checks.applyAsync(cluster.architectures, async (known) => {
    for (const each of known) {
      findArchive(image, each, "which nodes have");
    }
    return Promise.resolve();
  });
  return checks.passed;
}

/** Finds the archive of an architecture: without it pods would fail long after the update. */
function findArchive(image: ImageArtifact, architecture: Architecture, place: string): string {
  const archive = image.archives[architecture];
  if (archive !== undefined) {
    return archive;
  }
  throw new ArgumentError(
    `image.archives: expected one for ${architecture} (${place}), ` +
      `got ${Object.keys(image.archives).join(", ")}`,
  );
}

/** Pushes the image with its own digest. */
function push({ name, cluster, crane, parent }: DeliveryContext): Delivery {
  const registry = cluster.imageDelivery.registry ?? "";
  const toTarget = ({ baseName, tag }: KnownImage): pulumi.Output<string> =>
    pulumi.interpolate`${registry}/${baseName}:${tag}`;
  const step: DeliveryStep = {
    name: `${name}-push`,
    place: { connection: { local: true }, options: { parent } },
    isUndone: false,
    toCommands: (image) => ({
      create: toTarget(image).apply((target) => `sh -s -- push ${quote(target)}`),
      stdin: pulumi
        .output(crane)
        .apply((program) =>
          toScript({ CRANE: toWord(program), ...toLayoutVariables(image) }, PUSH_SCRIPT),
        ),
    }),
  };
  const toReference = (image: KnownImage): pulumi.Output<string> =>
    pulumi.interpolate`${toTarget(image)}@${image.digest}`;
  return { steps: [step], isWhole: true, toReference };
}

/** Gives an archive of all architectures to the cluster's own command. */
function handOver({ name, cluster, parent }: DeliveryContext): Delivery {
  const command = pulumi.output(cluster.imageDelivery.command ?? "");
  const step: DeliveryStep = {
    name: `${name}-import`,
    place: { connection: { local: true }, options: { parent } },
    triggers: [cluster.identity],
    isUndone: false,
    toCommands: (image) => ({
      create: `sh -s -- import ${quote(image.reference)}`,
      stdin: command.apply((known) => toScript(toLayoutVariables(image), toImportScript(known))),
    }),
  };
  return { steps: [step], isWhole: true, toReference: ({ reference }) => reference };
}

function toLayoutVariables(image: KnownImage): Record<string, string> {
  const archives = Object.entries<string>({ ...image.archives }).sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  // One a line; the line break is quoted for sh.
  const words = archives.map(([, archive]) => toWord(archive)).join("'\n'");
  return { ARCHIVES: words, DIGEST: quote(image.digest) };
}

/** A script for standard input: Pulumi prints the whole command line when a command fails. */
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
      `image.reference: expected name:tag@sha256:<64 hexadecimal digits>, got "${text}"`,
    );
  }
  return { repository, baseName: repository.split("/").at(-1) ?? repository, tag, digest };
}
