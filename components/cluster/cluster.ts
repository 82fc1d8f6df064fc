/** The interface of all Kubernetes clusters. */
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
  /** A user's command delivers each archive to the nodes, e.g. `kind load image-archive`. */
  Command: "command",
  /** Nothing is delivered: nodes pull each image by its reference. */
  None: "none",
} as const;
export type ImageDeliveryMode = (typeof ImageDeliveryMode)[keyof typeof ImageDeliveryMode];

/** Capabilities of a cluster: components create only what works there. */
export interface ClusterCapabilities {
  /** Whether a Service of type LoadBalancer gets an address. Without it a NodePort is used. */
  loadBalancer: boolean;
  /** Name of the StorageClass for volumes; undefined when the cluster has none. */
  storageClass: pulumi.Input<string> | undefined;
  /** Whether NetworkPolicy objects are enforced. Where they are not, none are created. */
  networkPolicy: boolean;
  /**
   * Addresses of the API server in CIDR notation: of its machines and of its Service.
   * NetworkPolicies block them for functions; empty if unknown.
   */
  apiServerNetworks: pulumi.Input<pulumi.Input<string>[]>;
}

/** A node that image archives are copied to. */
export interface PreloadTarget {
  /** Short name of the host, part of logical names. */
  host: string;
  /** How to run scripts on the host. */
  connection: HostConnection;
  /** Architecture of the host. */
  architecture: Architecture;
  /**
   * A POSIX sh script for the host that stores an archive and imports it at once. It reads the
   * variables `IMAGE_NAME` (start of the file's name), `IMAGE_DIGEST` (of the image's index) and
   * `ARCHIVE` (path of the archive on the host). It is idempotent, and resolves when the host's
   * containerd is ready.
   */
  importScript: pulumi.Output<string>;
  /** The script that removes `IMAGE_NAME`; containerd keeps images in use. */
  removeScript: pulumi.Output<string>;
}

/** How images reach this cluster's nodes. */
export interface ImageDelivery {
  mode: ImageDeliveryMode;
  /** For `preload`: every node. Empty otherwise. */
  targets: readonly PreloadTarget[];
  /** For `registry`: host and path prefix, e.g. `registry.example.com/plonk`. */
  registry: pulumi.Input<string> | undefined;
  /** For `command`: a command for sh that reads `ARCHIVE` and `IMAGE`. */
  command?: pulumi.Input<string> | undefined;
}

/** A Kubernetes cluster that this program declares: `K3sCluster`, `ExistingCluster`. */
export interface Cluster {
  /** Kubeconfig file content, YAML, whose current context is this cluster. Secret. */
  readonly kubeconfig: pulumi.Output<string>;
  /** Provider for every object on this cluster. */
  readonly provider: k8s.Provider;
  /** Known before anything is created, so that components can decide what to create. */
  readonly capabilities: ClusterCapabilities;
  readonly imageDelivery: ImageDelivery;
  /** Processor architectures of the nodes: images must support all of them. */
  readonly architectures: pulumi.Output<readonly Architecture[]>;
  /** Changes when it is another cluster, on which all objects must be created again. */
  readonly identity: pulumi.Output<string>;
  /**
   * An address of a node, for NodePorts; empty if unknown. Resolves when the cluster is ready.
   */
  readonly nodeAddress: pulumi.Output<string>;
  /**
   * The resource whose deletion also deletes everything on the cluster: its objects have
   * `deletedWith: cluster.deletedWith`. Undefined when the cluster outlives the program.
   */
  readonly deletedWith: pulumi.Resource | undefined;
}
