/** A cluster that somebody else made: k3d, kind, EKS, AKS, GKE, or any other kubeconfig. */
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "../../services/contract/index.ts";
import { checkFor } from "../errors.ts";
import {
  type Cluster,
  type ClusterCapabilities,
  type ImageDelivery,
  ImageDeliveryMode,
} from "./cluster.ts";
import { type KubeconfigFacts, readKubeconfig } from "./kubeconfig.ts";
import { upsertExisting } from "./upsert.ts";

/** What is known of a cluster that Plonk did not make. */
export interface ExistingCapabilities {
  /** Processor architectures of the nodes. @default ["amd64"] */
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
  /** Address of a node, where NodePorts answer. @default the host of the API server */
  nodeAddress?: pulumi.Input<string>;
}

/**
 * A cluster by its kubeconfig. Nothing of the cluster itself is managed, and it outlives the
 * program.
 *
 * @example
 * const cluster = new ExistingCluster("kind", {
 *   kubeconfig: readFileSync(`${homedir()}/.kube/config`, "utf8"),
 *   context: "kind-kind",
 * });
 */
export class ExistingCluster extends pulumi.ComponentResource implements Cluster {
  /** Kubeconfig file content, YAML. Secret. */
  public readonly kubeconfig: pulumi.Output<string>;
  /** An address of a node, where NodePorts answer. */
  public readonly nodeAddress: pulumi.Output<string>;
  /** Provider for every object on this cluster. @internal */
  public readonly provider: k8s.Provider;
  /** What the cluster offers. @internal */
  public readonly capabilities: ClusterCapabilities;
  /** How images reach the nodes. @internal */
  public readonly imageDelivery: ImageDelivery;
  /** It outlives the program. @internal */
  public readonly lifetime = undefined;

  constructor(name: string, args: ExistingClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    super("plonk:index:ExistingCluster", name, {}, opts);
    const facts = checkKubeconfig(this, args);
    // A kubeconfig that is not valid fails here, before anything asks the cluster.
    this.kubeconfig = pulumi.secret(
      pulumi.all([args.kubeconfig, facts]).apply(([kubeconfig]) => kubeconfig),
    );
    this.nodeAddress = pulumi
      .all([args.nodeAddress, pulumi.unsecret(facts)])
      .apply(([address, { serverHost }]) => address ?? serverHost);
    this.provider = new k8s.Provider(
      name,
      {
        kubeconfig: this.kubeconfig,
        enableServerSideApply: true,
        ...(args.context !== undefined && { context: args.context }),
      },
      { parent: this, transformations: [upsertExisting] },
    );
    this.capabilities = normalizeCapabilities(args.capabilities ?? {});
    this.imageDelivery = {
      mode: args.registry === undefined ? ImageDeliveryMode.None : ImageDeliveryMode.Registry,
      targets: [],
      registry: args.registry,
    };
    this.registerOutputs({ kubeconfig: this.kubeconfig, nodeAddress: this.nodeAddress });
  }
}

function checkKubeconfig(
  cluster: ExistingCluster,
  args: ExistingClusterArgs,
): pulumi.Output<KubeconfigFacts> {
  const read = (text: string): KubeconfigFacts =>
    checkFor(cluster, () => readKubeconfig(text, args.context));
  // Text that is known is checked at once, as an error inside `apply` comes late.
  if (typeof args.kubeconfig === "string") return pulumi.output(read(args.kubeconfig));
  return pulumi.output(args.kubeconfig).apply(read);
}

function normalizeCapabilities(given: ExistingCapabilities): ClusterCapabilities {
  return {
    architectures: given.architectures ?? ["amd64"],
    loadBalancer: given.loadBalancer ?? false,
    storageClass: given.storageClass,
    networkPolicy: given.networkPolicy ?? false,
    apiServerNetworks: given.apiServerNetworks ?? [],
    memoryMiB: given.memoryMiB,
    internet: given.internet ?? true,
  };
}
