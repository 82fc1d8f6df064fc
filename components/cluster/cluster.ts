/** What the rest of Plonk knows of a Kubernetes cluster, whoever made it. */
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import type { Architecture } from "../../contract/index.ts";
import type { HostConnection } from "./host.ts";

/** How an image that was assembled here reaches the nodes. */
export const ImageDeliveryMode = {
  /** Its archive is copied to every node and imported there. */
  Preload: "preload",
  /** It is pushed to a registry that the nodes pull from. */
  Registry: "registry",
  /** A command of the user's takes each archive to the nodes: `kind load image-archive`. */
  Command: "command",
  /** Nothing is delivered: nodes pull each image by its reference. */
  None: "none",
} as const;
export type ImageDeliveryMode = (typeof ImageDeliveryMode)[keyof typeof ImageDeliveryMode];

/**
 * For every provider: Secrets and ConfigMaps are changed in place. Replaced, they would be away for
 * a while, and for good after an update that is stopped there, so that no pod can start. Pods roll
 * by annotations with a digest of what they mount.
 */
export const MUTABLE = { enableSecretMutable: true, enableConfigMapMutable: true } as const;

/** What a cluster offers, so that components create only what works there. */
export interface ClusterCapabilities {
  /** Whether a Service of type LoadBalancer gets an address. Without it a NodePort is used. */
  loadBalancer: boolean;
  /** Name of the StorageClass for volumes; undefined when the cluster has none. */
  storageClass: string | undefined;
  /** Whether NetworkPolicy objects are enforced. Where they are not, none are created. */
  networkPolicy: boolean;
  /**
   * Where the API server answers, in CIDR notation: addresses of its machines and of its Service.
   * NetworkPolicies keep functions from them; empty where they are not known.
   */
  apiServerNetworks: readonly string[];
  /** Memory of all nodes together, MiB; undefined when not known. */
  memoryMiB: number | undefined;
  /** Whether pods reach the internet, and nodes the registries of others. */
  internet: boolean;
}

/** Where archives of images go on one node. */
export interface PreloadTarget {
  /** Short name of the host, part of logical names. */
  host: string;
  /** How the scripts get there. */
  connection: HostConnection;
  /** Architecture of the host. */
  architecture: Architecture;
  /**
   * A POSIX sh script for the host that takes an archive in and imports it at once. It reads the
   * variables `IMAGE_NAME` (start of the file's name), `IMAGE_DIGEST` (of the image's index) and
   * `ARCHIVE` (path of the archive on the host), can be run again, and is resolved only after the
   * host's containerd answers.
   */
  importScript: pulumi.Output<string>;
  /** The script that takes `IMAGE_NAME` out again; containerd keeps what pods still use. */
  removeScript: pulumi.Output<string>;
}

/** How images reach this cluster's nodes. */
export interface ImageDelivery {
  mode: ImageDeliveryMode;
  /** For `preload`: every node. Empty otherwise. */
  targets: readonly PreloadTarget[];
  /** For `registry`: host and path prefix, e.g. `registry.example.com/plonk`. */
  registry: string | undefined;
  /** For `command`: a command for sh that reads `ARCHIVE` and `IMAGE`. */
  command?: string | undefined;
}

/** A Kubernetes cluster to build on: `K3sCluster`, `ExistingCluster`. */
export interface Cluster {
  /** Kubeconfig file content, YAML, whose current context is this cluster. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Provider for every object on this cluster. */
  readonly provider: k8s.Provider;
  /** Known before anything is created, so that a component can decide what to create. */
  readonly capabilities: ClusterCapabilities;
  readonly imageDelivery: ImageDelivery;
  /** Processor architectures of the nodes: every image has to be there for all of them. */
  readonly architectures: pulumi.Output<readonly Architecture[]>;
  /** Changes when it is another cluster, on which everything has to be made anew. */
  readonly identity: pulumi.Output<string>;
  /**
   * An address of a node, where NodePorts answer; empty when there is none that is known. Resolved
   * when the cluster is ready.
   */
  readonly nodeAddress: pulumi.Output<string>;
  /**
   * The resource whose deletion takes everything on the cluster with it: objects on the cluster
   * say `deletedWith: cluster.lifetime`. Undefined when the cluster outlives the program.
   */
  readonly lifetime: pulumi.Resource | undefined;
}
