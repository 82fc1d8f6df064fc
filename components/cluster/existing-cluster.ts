/** A cluster that Plonk did not create: k3d, kind, EKS, AKS, GKE, or any other kubeconfig. */
import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError, checkFor } from "../errors.ts";
import {
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  ImageDeliveryMode,
} from "./cluster.ts";
import { type ClusterReport, inspectCluster } from "./inspect.ts";
import { type KubeconfigFacts, readKubeconfig } from "./kubeconfig.ts";
import { createProvider } from "./provider.ts";

/** Capabilities of a cluster that Plonk did not create. */
export interface ExistingCapabilities {
  /**
   * Processor architectures of the nodes. Set it when nodes may not be listed, or are added and
   * removed: the digests of locally assembled images depend on it.
   * @default those of the nodes, `["amd64"]` if they may not be listed
   */
  architectures?: Architecture[];
  /** Whether a Service of type LoadBalancer gets an address. @default false */
  loadBalancer?: boolean;
  /** Name of a StorageClass for volumes. @default the cluster's default class */
  storageClass?: string | undefined;
  /** Whether NetworkPolicy objects are enforced. @default false */
  networkPolicy?: boolean;
  /**
   * Addresses of the API server in CIDR notation: of its machines and of the Service `kubernetes`.
   * NetworkPolicies block them for functions. @default none
   */
  apiServerNetworks?: string[];
}

/**
 * A cluster by plain values, which every language can write: what `ExistingCluster` takes. The
 * components also take it in the place of a cluster, and declare the `ExistingCluster` themselves.
 * A `K3sCluster` or an `ExistingCluster` is one, too.
 */
export interface ClusterReference {
  /** Content of a kubeconfig file, YAML or JSON. Kept secret. */
  kubeconfig: pulumi.Input<string>;
  /** Context to use. @default the kubeconfig's current one */
  context?: string;
  /** Capabilities of the cluster. */
  capabilities?: ExistingCapabilities;
  /**
   * Registry and path that the nodes pull from and that this machine may push to, e.g.
   * `registry.example.com/plonk`. @default none, nodes pull images by their references
   */
  registry?: string;
  /**
   * Command for sh that delivers an image to the nodes without a registry: it reads `ARCHIVE`, the
   * path of a tar with an OCI layout, and `IMAGE`, its reference. E.g.
   * `kind load image-archive "$ARCHIVE"`. @default none
   */
  imageCommand?: string;
  /** Address of a node, for NodePorts. @default the address of one of the cluster's nodes */
  nodeAddress?: pulumi.Input<string>;
}

/** Arguments of `ExistingCluster`. */
export type ExistingClusterArgs = ClusterReference;

/**
 * A cluster by its kubeconfig. The cluster itself is not managed, and outlives the program. Already
 * a preview inspects it and shows the result.
 *
 * @example
 * const cluster = new ExistingCluster("kind", {
 *   kubeconfig: readFileSync(`${homedir()}/.kube/config`, "utf8"),
 *   context: "kind-kind",
 * });
 */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  /** Kubeconfig file content, YAML, with only this context. Secret. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** An address of a node, for NodePorts; empty if unknown. */
  public readonly nodeAddress: pulumi.Output<string>;
  /** Provider for every object on this cluster. @internal */
  public readonly provider: k8s.Provider;
  /** Processor architectures of the nodes. @internal */
  public readonly architectures: pulumi.Output<readonly Architecture[]>;
  /** Capabilities of the cluster. @internal */
  public readonly capabilities: ClusterCapabilities;
  /** How images reach the nodes. @internal */
  public readonly imageDelivery: ImageDelivery;
  /** The UID of its namespace kube-system. @internal */
  public readonly identity: pulumi.Output<string>;
  /** Undefined, as the cluster outlives the program. @internal */
  public readonly lifetime = undefined;

  constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:ExistingCluster", name, {}, opts);
    this.capabilities = normalizeCapabilities(args.capabilities ?? {});
    this.imageDelivery = checkFor(this, () => toImageDelivery(args));
    const checks = new ArgumentChecks(this);
    const text = pulumi.secret(checkKubeconfig(this, args).apply((facts) => facts.text));
    const report = pulumi.unsecret(checks.applyAsync(text, (known) => this.#inspect(known, args)));
    // An unusable cluster fails here, before anything is declared on it.
    this.kubeconfig = pulumi.secret(pulumi.all([text, report]).apply(([known]) => known));
    this.nodeAddress = pulumi
      .all([args.nodeAddress, report])
      .apply(([address, { nodeAddress }]) => address ?? nodeAddress);
    this.architectures = report.apply(({ architectures }) => architectures);
    this.identity = report.apply(({ identity }) => `existing/${identity}`);
    this.provider = createProvider(name, this, { parent: this, dependsOn: checks.passed });
    this.registerOutputs({ kubeconfig: this.kubeconfig, nodeAddress: this.nodeAddress });
  }

  async #inspect(kubeconfig: string, args: ExistingClusterArgs): Promise<ClusterReport> {
    const { capabilities } = this;
    const architectures = args.capabilities?.architectures;
    const report = await inspectCluster(kubeconfig, { capabilities, architectures });
    await Promise.all(report.warnings.map((line) => pulumi.log.warn(line, this)));
    if (pulumi.runtime.isDryRun()) {
      await Promise.all(report.lines.map((line) => pulumi.log.info(line, this)));
    }
    return report;
  }
}

/** Returns the cluster itself, or declares the one that plain values name, below `parent`. */
export function toCluster(
  given: ClusterReference | Cluster,
  name: string,
  parent: pulumi.ComponentResource,
): Cluster {
  return isDeclared(given) ? given : new ExistingCluster(name, given, { parent });
}

function isDeclared(given: ClusterReference | Cluster): given is Cluster {
  return "imageDelivery" in given;
}

function toImageDelivery(args: ClusterReference): ImageDelivery {
  const { registry, imageCommand: command } = args;
  const given = { registry, imageCommand: command };
  for (const [field, value] of Object.entries(given)) {
    if (value?.trim() === "") {
      throw new ArgumentError(`${field}: expected text, got "${value}"`);
    }
  }
  if (registry !== undefined && command !== undefined) {
    throw new ArgumentError("registry, imageCommand: expected at most one of them, got both");
  }
  if (command !== undefined) {
    return { mode: ImageDeliveryMode.Command, targets: [], registry: undefined, command };
  }
  const mode = registry === undefined ? ImageDeliveryMode.None : ImageDeliveryMode.Registry;
  return { mode, targets: [], registry };
}

function checkKubeconfig(
  cluster: ExistingCluster,
  args: ExistingClusterArgs,
): pulumi.Output<KubeconfigFacts> {
  const read = (text: string): KubeconfigFacts =>
    checkFor(cluster, () => readKubeconfig(text, args.context));
  // Text that is known is checked at once, as an error inside `apply` comes late.
  if (typeof args.kubeconfig === "string") {
    return pulumi.output(read(args.kubeconfig));
  }
  return pulumi.output(args.kubeconfig).apply(read);
}

function normalizeCapabilities(given: ExistingCapabilities): ClusterCapabilities {
  return {
    loadBalancer: given.loadBalancer ?? false,
    storageClass: given.storageClass,
    networkPolicy: given.networkPolicy ?? false,
    apiServerNetworks: given.apiServerNetworks ?? [],
  };
}
