/** The objects behind a function, whatever it is made of. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { CRD, LABEL } from "../../services/contract/index.ts";
import type { ArgumentChecks } from "../errors.ts";
import { Platform } from "../platform/platform.ts";
import type { FunctionOptions, PlatformReference } from "./args.ts";
import { toSpec, type SpecInputs } from "./spec.ts";
import { checkName } from "./validation.ts";

/** Time for pods of a function to become ready. */
const READY_TIMEOUT = "120s";

/** What a function is made of. */
export interface FunctionSource {
  /** Code for the runtime image, or nothing when `image` says it all. */
  code?: { text: pulumi.Output<string>; entry: string };
  image?: pulumi.Input<string>;
  fprocess?: pulumi.Input<string> | undefined;
}

/** What callers and other programs need to know of a function. */
export interface FunctionOutputs {
  name: pulumi.Output<string>;
  url: pulumi.Output<string>;
  asyncUrl: pulumi.Output<string>;
}

/**
 * Options of a function component: with the platform itself at hand, its cluster's provider is
 * the default, so that a program with one cluster need not name it.
 */
export function withPlatformProvider(
  platform: PlatformReference,
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.ComponentResourceOptions {
  const isChosen = opts?.provider ?? opts?.providers ?? opts?.parent;
  if (isChosen || !(platform instanceof Platform)) return opts ?? {};
  return { ...opts, providers: [platform.cluster.provider] };
}

/** Creates the Function resource and, for code, the ConfigMap that carries it. */
export function createFunction(
  resource: pulumi.ComponentResource,
  logicalName: string,
  parts: { args: FunctionOptions; source: FunctionSource; checks: ArgumentChecks },
): FunctionOutputs {
  const { args, source, checks } = parts;
  const name = checks.apply(args.name ?? logicalName, checkName);
  const namespace = pulumi.output(args.namespace ?? args.platform.functionNamespace);
  const spec: SpecInputs = { name, ...toSpec(checks, args) };
  const options = { ...toOptions(resource, args.platform), dependsOn: checks.passed };
  spec.image = source.image ?? args.platform.runtimeImage;
  if (source.fprocess !== undefined) spec.handler = source.fprocess;
  if (source.code) {
    const { text, entry } = source.code;
    const prefix = toPrefix(args.name ?? logicalName, name, logicalName);
    const code = { name, prefix, namespace, text, entry, options };
    const map = createCodeMap(`${logicalName}-code`, code);
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
  return toOutputs(args, custom.metadata.name);
}

function toOptions(
  resource: pulumi.ComponentResource,
  platform: PlatformReference,
): pulumi.CustomResourceOptions {
  const lifetime = platform instanceof Platform ? platform.cluster.lifetime : undefined;
  return { parent: resource, ...(lifetime && { deletedWith: lifetime }) };
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
  if (typeof given === "string") return name;
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
function toOutputs(args: FunctionOptions, name: pulumi.Output<string>): FunctionOutputs {
  const { gatewayUrl, functionNamespace } = args.platform;
  const path = pulumi
    .all([name, args.namespace ?? functionNamespace, functionNamespace])
    .apply(([known, own, usual]) => (own === usual ? known : `${known}.${own}`));
  return {
    name,
    url: pulumi.interpolate`${gatewayUrl}/function/${path}`,
    asyncUrl: pulumi.interpolate`${gatewayUrl}/async-function/${path}`,
  };
}
