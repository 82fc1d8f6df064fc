/** The objects behind a function, whatever it is made of. */
import { createHash } from "node:crypto";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { ANNOTATION, CRD, LABEL } from "../../contract/index.ts";
import { type ArgumentChecks, toResourceError } from "../errors.ts";
import { withFieldManager } from "../field-manager.ts";
import { checkNamespace } from "../namespace.ts";
import type { FunctionOptions, PlatformReference } from "./args.ts";
import { dropEmptyTexts } from "./empty-texts.ts";
import { takeName } from "./own-name.ts";
import { type SpecInputs, toSpec } from "./spec.ts";
import { checkName, checkProfiles, checkQueueName } from "./validation.ts";

/** Time for pods of a function to become ready. */
const READY_TIMEOUT = "120s";

/** What a function is made of. */
export interface FunctionSource {
  /** Code for the runtime image, or nothing when `image` says it all. */
  code?: { text: pulumi.Output<string>; entry: string };
  image?: pulumi.Input<string> | undefined;
  fprocess?: pulumi.Input<string | undefined>;
}

/** What callers and other programs need to know of a function. */
export interface FunctionOutputs {
  name: pulumi.Output<string>;
  url: pulumi.Output<string>;
  asyncUrl: pulumi.Output<string>;
}

/** The objects of a function on the cluster. */
export interface FunctionNodes {
  /** The Function. */
  function: k8s.apiextensions.CustomResource;
  /** Code of functions that are made of it; one of the same content is the same. */
  code?: k8s.core.v1.ConfigMapPatch;
}

/** Of this type are the objects behind functions, for the search of their provider. */
const OBJECT_TYPE = `kubernetes:${CRD.apiVersion}:${CRD.kind}`;

/** Options of a function component: objects below it are the stack's, on the cluster it is for. */
export function toComponentOptions(
  platform: PlatformReference,
  opts?: pulumi.ComponentResourceOptions,
): pulumi.ComponentResourceOptions {
  return withFieldManager(withPlatformProvider(platform, opts));
}

/** A platform of the same program, which knows its cluster. */
interface PlacedPlatform extends PlatformReference {
  cluster: { provider: k8s.Provider; deletedWith: pulumi.Resource | undefined };
}

function isPlaced(platform: PlatformReference): platform is PlacedPlatform {
  const { cluster } = platform as Partial<PlacedPlatform>;
  return k8s.Provider.isInstance(cluster?.provider);
}

/**
 * With the provider decided once: what the options name, or the parent or one of its parents, or
 * else the platform's own, so that a program with one cluster need not name it.
 */
function withPlatformProvider(
  platform: PlatformReference,
  opts: pulumi.ComponentResourceOptions = {},
): pulumi.ComponentResourceOptions {
  const named: unknown[] = [opts.provider, ...Object.values(opts.providers ?? {})];
  const isChosen =
    named.some((provider) => k8s.Provider.isInstance(provider)) ||
    opts.parent?.getProvider(OBJECT_TYPE) !== undefined;
  if (isChosen || !isPlaced(platform)) {
    return opts;
  }
  return pulumi.mergeOptions(opts, { providers: [platform.cluster.provider] });
}

/**
 * Options of the objects behind a function or a secret. Without a provider they would go to
 * whatever cluster the kubeconfig of this machine has as its current one.
 */
export function toObjectOptions(
  resource: pulumi.ComponentResource,
  platform: PlatformReference,
): pulumi.CustomResourceOptions {
  const provider = resource.getProvider(OBJECT_TYPE);
  if (!provider) {
    throw toResourceError(
      resource,
      "opts.provider: expected the Kubernetes provider of the platform's cluster, got none; " +
        "name it in the options, or give the Platform itself as platform",
    );
  }
  const cluster = isPlaced(platform) ? platform.cluster : undefined;
  // What another provider made is not on the platform's cluster, and does not go with it.
  const deletedWith = cluster?.provider === provider ? cluster.deletedWith : undefined;
  return { parent: resource, ...(deletedWith && { deletedWith }) };
}

/** Creates the Function resource and, for code, the ConfigMap that carries it. */
export function createFunction(
  resource: pulumi.ComponentResource,
  logicalName: string,
  parts: { args: FunctionOptions; source: FunctionSource; checks: ArgumentChecks },
): { outputs: FunctionOutputs; nodes: FunctionNodes } {
  const { source, checks } = parts;
  const args = dropEmptyTexts(parts.args);
  const objectOptions = toObjectOptions(resource, args.platform);
  const name = checks.apply(args.name ?? logicalName, (value) => checkName(value));
  const namespace = toNamespace(checks, args);
  checkOwnName(checks, { resource, kind: "function", logicalName, args, name, namespace });
  checkOffers(checks, args);
  const spec: SpecInputs = { name, ...toSpec(checks, args) };
  const options = { ...objectOptions, dependsOn: checks.passed };
  spec.image = source.image ?? args.platform.runtimeImage;
  if (source.fprocess !== undefined) {
    spec.handler = source.fprocess;
  }
  let map: k8s.core.v1.ConfigMapPatch | undefined;
  if (source.code) {
    const { text, entry } = source.code;
    const prefix = toPrefix(args.name ?? logicalName, name, logicalName);
    const code = { name, prefix, namespace, text, entry, options };
    map = createCodeMap(`${logicalName}-code`, code);
    spec.code = { configMap: map.metadata.name, entry };
  }
  const custom = new k8s.apiextensions.CustomResource(
    `${logicalName}-function`,
    {
      apiVersion: CRD.apiVersion,
      kind: CRD.kind,
      metadata: { name, namespace, annotations: { "pulumi.com/waitFor": "condition=Ready" } },
      spec,
    },
    pulumi.mergeOptions(options, {
      // Whoever scales writes the scale subresource; Pulumi never takes part.
      ignoreChanges: ["spec.replicas"],
      customTimeouts: { create: READY_TIMEOUT, update: READY_TIMEOUT },
    }),
  );
  const nodes = { function: custom, ...(map && { code: map }) };
  return { outputs: toOutputs(args.platform, custom.metadata.name, namespace), nodes };
}

/** An object that a component makes, for the search of another one of its name. */
interface NamedObject {
  resource: pulumi.Resource;
  kind: "function" | "secret";
  logicalName: string;
  args: Pick<FunctionOptions, "namespace" | "platform">;
  name: pulumi.Output<string>;
  namespace: pulumi.Output<string>;
}

/**
 * Refuses a name that another component of the program has on this cluster. The platform's own
 * namespace is not known before it exists; names in it are compared all the same.
 */
export function checkOwnName(checks: ArgumentChecks, object: NamedObject): void {
  const { resource, kind, logicalName, args, name, namespace } = object;
  const provider = resource.getProvider(OBJECT_TYPE) ?? args.platform;
  const own =
    args.namespace !== undefined
      ? name
      : checks.apply(name, (known) =>
          takeName({ scope: args.platform, kind, name: known, logicalName }),
        );
  checks.apply(pulumi.all([own, namespace]), ([known, place]) =>
    takeName({ scope: provider, kind, namespace: place, name: known, logicalName }),
  );
}

/** Refuses queues and profiles that the platform does not have, as far as both are known. */
function checkOffers(
  checks: ArgumentChecks,
  { annotations, profiles, platform: { queueNames, functionProfileNames } }: FunctionOptions,
): void {
  const names = functionProfileNames ?? null;
  const named = annotations?.[ANNOTATION.profile];
  const texts = named === undefined ? {} : { [ANNOTATION.profile]: named };
  checks.apply(pulumi.all([profiles ?? [], texts, names]), ([own, given, known]) =>
    checkProfiles({ profiles: own, annotations: given }, known),
  );
  // Each by itself, too: what is not known yet hides none that is wrong.
  for (const profile of profiles ?? []) {
    checks.apply(pulumi.all([profile, names]), ([own, known]) =>
      checkProfiles({ profiles: [own] }, known),
    );
  }
  if (annotations !== undefined && queueNames !== undefined) {
    checks.apply(pulumi.all([annotations, queueNames]), ([known, names]) =>
      checkQueueName(known, names),
    );
  }
}

/** The namespace that `args` name; one that is empty, also when that is known later, is none. */
export function toNamespace(
  checks: ArgumentChecks,
  args: Pick<FunctionOptions, "namespace" | "platform">,
): pulumi.Output<string> {
  const { namespace, platform } = args;
  if (namespace === undefined) {
    return pulumi.output(platform.functionNamespace);
  }
  const own = checks.apply(namespace, (value) => {
    const given: { namespace?: string } = dropEmptyTexts({ namespace: value });
    return given.namespace === undefined
      ? pulumi.output(platform.functionNamespace)
      : pulumi.output(checkNamespace(given.namespace));
  });
  return pulumi.output(own);
}

interface CodeMapArgs {
  name: pulumi.Output<string>;
  /** Start of the map's name. */
  prefix: pulumi.Input<string>;
  namespace: pulumi.Output<string>;
  text: pulumi.Output<string>;
  entry: string;
  options: pulumi.CustomResourceOptions;
}

/** The function's name, unless previews may not know it: they must know that of the code. */
function toPrefix(
  given: pulumi.Input<string>,
  name: pulumi.Output<string>,
  logicalName: string,
): pulumi.Input<string> {
  if (typeof given === "string") {
    return name;
  }
  const start = logicalName.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return start.replace(/^-/, "");
}

/**
 * Named after its content: new code is a new ConfigMap, and the old one stays, so that pods which
 * still run it, canaries and rollbacks find it. The operator removes old revisions. A Patch is
 * applied whether or not the object is there, by every version of the provider: code that comes
 * back finds its map of before, which a plain ConfigMap would refuse from version 4.29.0 on.
 */
function createCodeMap(logicalName: string, args: CodeMapArgs): k8s.core.v1.ConfigMapPatch {
  const { name, prefix, namespace, text, entry } = args;
  const mapName = pulumi.all([prefix, text]).apply(([start, code]) => `${start}-${toDigest(code)}`);
  return new k8s.core.v1.ConfigMapPatch(
    logicalName,
    {
      metadata: { name: mapName, namespace, labels: { [LABEL.function]: name } },
      data: { [entry]: text },
      immutable: true,
    },
    pulumi.mergeOptions(args.options, { retainOnDelete: true }),
  );
}

function toDigest(code: string): string {
  return createHash("sha256").update(code).digest("hex").slice(0, 12);
}

/** Addresses; another namespace than the platform's is part of the function's path. */
function toOutputs(
  { gatewayUrl, functionNamespace }: PlatformReference,
  name: pulumi.Output<string>,
  namespace: pulumi.Output<string>,
): FunctionOutputs {
  const path = pulumi
    .all([name, namespace, functionNamespace])
    .apply(([known, own, usual]) => (own === usual ? known : `${known}.${own}`));
  return {
    name,
    url: pulumi.interpolate`${gatewayUrl}/function/${path}`,
    asyncUrl: pulumi.interpolate`${gatewayUrl}/async-function/${path}`,
  };
}
