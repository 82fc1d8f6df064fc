/** What every target declares on its cluster: images, platform, examples, outputs. */
import * as pulumi from "@pulumi/pulumi";
import {
  type Cluster,
  type ExportedPlatform,
  type ImageArtifact,
  type OidcArgs,
  Platform,
  type PlatformImages,
  ServiceImage,
} from "../components/index.ts";
import { splitCallbackHosts } from "../contract/queue/index.ts";
import { STORE } from "../contract/store.ts";
import { declareHello } from "../examples/hello.ts";
import { declareMarkdown } from "../examples/markdown.ts";
import { declareSha256 } from "../examples/sha256.ts";
import type { ImagesAtHand } from "../toolchain/artifacts.ts";
import type { StackConfig } from "./config.ts";

/** What a target provides. */
export interface PlatformParts {
  config: StackConfig;
  cluster: Cluster;
  /** Undefined for images that are not available locally in a preview. */
  images: ImagesAtHand;
  /** Hosts that may be called back beside those of the configuration. */
  callbackHosts?: readonly string[];
  /** Program that pushes images to the cluster's registry. */
  crane?: string | undefined;
}

/** The stack's outputs, in the order in which Pulumi shows them. */
export interface StackOutputs {
  /** Address of the gateway. */
  gatewayUrl: pulumi.Output<string>;
  adminUser: pulumi.Output<string>;
  /** Secret. */
  adminPassword: pulumi.Output<string>;
  /** Content of a kubeconfig file. Secret. */
  kubeconfig: pulumi.Output<string>;
  /** Inside the cluster; from outside by `kubectl port-forward`. */
  prometheusUrl: pulumi.Output<string>;
  /** For functions in other stacks, by `platformFromStack`. Secret. */
  platform: pulumi.Output<ExportedPlatform>;
  /** Addresses of the example functions, by name. */
  functions: Record<string, pulumi.Output<string>>;
  /** Next steps for the user. */
  next: pulumi.Output<string>;
}

/** Logs in one line which artifacts a preview could not read. */
export async function warnOfMissing(parts: Record<string, unknown>): Promise<void> {
  const names = Object.keys(parts).filter((name) => parts[name] === undefined);
  if (names.length === 0) {
    return;
  }
  await pulumi.log.warn(
    `not available locally: ${names.join(", ")}. This preview assumes that they stay unchanged; ` +
      "an update downloads or builds them, and deploys those that have changed",
  );
}

/** Declares the platform, and the examples unless the configuration says otherwise. */
export function declarePlatform(parts: PlatformParts): StackOutputs {
  const { config, cluster, callbackHosts = [] } = parts;
  const allow = [...callbackHosts, ...splitCallbackHosts(config.callbackAllow)];
  const platform = new Platform("plonk", {
    cluster,
    images: deliverImages(parts),
    adminUser: config.adminUser,
    adminPassword: config.adminPassword,
    profile: config.profile,
    ...(config.functionStore !== STORE.own && { gateway: { store: config.functionStore } }),
    ...(allow.length > 0 && { queue: { callbacks: { allow } } }),
    ...(config.users.length > 0 && { users: pulumi.secret(config.users) }),
    ...(config.oidcIssuer !== "" && { oidc: toOidc(config) }),
    ...(config.gatewayUrl !== "" && { gatewayUrl: config.gatewayUrl }),
  });
  return {
    gatewayUrl: platform.gatewayUrl,
    adminUser: platform.adminUser,
    adminPassword: platform.adminPassword,
    kubeconfig: cluster.kubeconfig,
    prometheusUrl: platform.prometheusUrl,
    platform: platform.reference,
    functions: config.examples ? declareExamples(platform) : {},
    next: toNextSteps(platform.gatewayUrl),
  };
}

function toOidc(config: StackConfig): OidcArgs {
  const { oidcIssuer: issuer, oidcAudience: audience, oidcRolesClaim: rolesClaim } = config;
  if (audience !== "") {
    return { issuer, audience, rolesClaim };
  }
  throw new pulumi.RunError("plonk:oidcAudience: expected a name with plonk:oidcIssuer, got none");
}

function deliverImages(parts: PlatformParts): PlatformImages {
  const { cluster, images, crane } = parts;
  const deliver = (name: string, image: ImageArtifact | undefined): pulumi.Output<string> => {
    const pushedBy = crane === undefined ? {} : { crane };
    return new ServiceImage(name, { image, cluster, ...pushedBy }).reference;
  };
  return {
    gateway: deliver("gateway", images.gateway),
    queueWorker: deliver("queue-worker", images["queue-worker"]),
    operator: deliver("operator", images.operator),
    runtime: deliver("runtime", images.runtime),
    nats: deliver("nats", images.nats),
    prometheus: deliver("prometheus", images.prometheus),
    alertmanager: deliver("alertmanager", images.alertmanager),
    nodeExporter: deliver("node-exporter", images["node-exporter"]),
  };
}

function declareExamples(platform: Platform): Record<string, pulumi.Output<string>> {
  return {
    hello: declareHello(platform).url,
    markdown: declareMarkdown(platform).url,
    sha256: declareSha256(platform).url,
  };
}

function toNextSteps(gatewayUrl: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.interpolate`curl -d world ${gatewayUrl}/function/hello
pulumi stack output adminPassword --show-secrets`;
}
