/** A cluster that somebody else made: k3d, kind, EKS, AKS, GKE, or any other kubeconfig. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "../../contract/index.ts";
import { ArgumentChecks, ArgumentError, checkFor } from "../errors.ts";
import {
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  ImageDeliveryMode,
  MUTABLE,
} from "./cluster.ts";
import { type ClusterReport, inspectCluster } from "./inspect.ts";
import { type KubeconfigFacts, readKubeconfig } from "./kubeconfig.ts";
import { upsertExisting } from "./upsert.ts";

/** What is known of a cluster that Plonk did not make. */
export interface ExistingCapabilities {
  /**
   * Processor architectures of the nodes. To be given where nodes may not be listed, or where they
   * come and go: images that are made here get another digest with them.
   * @default those that the nodes say, `["amd64"]` where they may not be listed
   */
  architectures?: Architecture[];
  /** Whether a Service of type LoadBalancer gets an address. @default false */
  loadBalancer?: boolean;
  /** Name of a StorageClass for volumes. @default none is named, the cluster's default is used */
  storageClass?: string;
  /** Whether NetworkPolicy objects are enforced. @default false */
  networkPolicy?: boolean;
  /**
   * Where the API server answers, in CIDR notation: addresses of its machines and of the Service
   * `kubernetes`. NetworkPolicies keep functions from them. @default none is known
   */
  apiServerNetworks?: string[];
  /** Memory of all nodes together, MiB. @default not known */
  memoryMiB?: number;
  /** Whether pods and nodes reach the internet. @default true */
  internet?: boolean;
}

/** Arguments of `ExistingCluster`. */
export interface ExistingClusterArgs {
  /** Content of a kubeconfig file, YAML or JSON. Kept secret. */
  kubeconfig: pulumi.Input<string>;
  /** Context to use. @default the kubeconfig's current one */
  context?: string;
  /** What the cluster offers. */
  capabilities?: ExistingCapabilities;
  /**
   * Registry and path that the nodes pull from and that this machine may push to, e.g.
   * `registry.example.com/plonk`. @default none, images must be where their references say
   */
  registry?: string;
  /**
   * Command for sh that takes an image to the nodes where there is no registry: it reads `ARCHIVE`,
   * the path of a tar with an OCI layout, and `IMAGE`, its reference. E.g.
   * `kind load image-archive "$ARCHIVE"`. @default none
   */
  imageCommand?: string;
  /** Address of a node, where NodePorts answer. @default that of a node, as the cluster says */
  nodeAddress?: pulumi.Input<string>;
}

/**
 * A cluster by its kubeconfig. Nothing of the cluster itself is managed, and it outlives the
 * program. The cluster is asked what it is already in a preview, which shows the answer.
 *
 * @example
 * const cluster = new ExistingCluster("kind", {
 *   kubeconfig: readFileSync(`${homedir()}/.kube/config`, "utf8"),
 *   context: "kind-kind",
 * });
 */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  /** Kubeconfig file content, YAML, with the one context alone. Secret. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** An address of a node, where NodePorts answer; empty when none is known. */
  public readonly nodeAddress: pulumi.Output<string>;
  /** Provider for every object on this cluster. @internal */
  public readonly provider: k8s.Provider;
  /** Processor architectures of the nodes. @internal */
  public readonly architectures: pulumi.Output<readonly Architecture[]>;
  /** What the cluster offers. @internal */
  public readonly capabilities: ClusterCapabilities;
  /** How images reach the nodes. @internal */
  public readonly imageDelivery: ImageDelivery;
  /** The UID of its namespace kube-system. @internal */
  public readonly identity: pulumi.Output<string>;
  /** It outlives the program. @internal */
  public readonly lifetime = undefined;

  constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:ExistingCluster", name, {}, opts);
    this.capabilities = normalizeCapabilities(args.capabilities ?? {});
    this.imageDelivery = checkFor(this, () => toImageDelivery(args));
    const checks = new ArgumentChecks(this);
    const text = pulumi.secret(checkKubeconfig(this, args).apply((facts) => facts.text));
    const report = pulumi.unsecret(checks.applyAsync(text, (known) => this.#inspect(known, args)));
    // A cluster that cannot be used fails here, before anything is declared on it.
    this.kubeconfig = pulumi.secret(pulumi.all([text, report]).apply(([known]) => known));
    this.nodeAddress = pulumi
      .all([args.nodeAddress, report])
      .apply(([address, { nodeAddress }]) => address ?? nodeAddress);
    this.architectures = report.apply(({ architectures }) => architectures);
    this.identity = report.apply(({ identity }) => `existing/${identity}`);
    this.provider = new k8s.Provider(
      name,
      {
        kubeconfig: this.kubeconfig,
        enableServerSideApply: true,
        ...MUTABLE,
        // Its address and the names in a kubeconfig change, and it stays the same cluster.
        clusterIdentifier: this.identity,
      },
      { parent: this, dependsOn: checks.passed, transformations: [upsertExisting] },
    );
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

function toImageDelivery(args: ExistingClusterArgs): ImageDelivery {
  const { registry, imageCommand: command } = args;
  const given = { registry, imageCommand: command };
  for (const [field, value] of Object.entries(given)) {
    if (value?.trim() === "") {
      throw new ArgumentError(`${field}: must not be empty, got "${value}"`);
    }
  }
  if (registry !== undefined && command !== undefined) {
    throw new ArgumentError("registry, imageCommand: must be at most one of them, got both");
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
    memoryMiB: given.memoryMiB,
    internet: given.internet ?? true,
  };
}
