/** What a program may say of the platform's pods, in Kubernetes' own types. */
import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** Where all pods of a platform, or of a part, may run, and with which logins they pull images. */
export interface PodDefaults {
  /** Labels that a node has to have. @default none */
  nodeSelector?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Taints of nodes on which they may run all the same. @default none */
  tolerations?: pulumi.Input<pulumi.Input<k8s.types.input.core.v1.Toleration>[]>;
  /**
   * Secrets with logins of registries, in the pods' namespace. A program makes them there by
   * `namespace: platform.namespace`, and names them here by a text. Those for all pods are also
   * those of functions, by Secrets of the same names in the namespaces of functions.
   * @default none
   */
  imagePullSecrets?: pulumi.Input<pulumi.Input<k8s.types.input.core.v1.LocalObjectReference>[]>;
}

/** The pods of one workload. What is set here takes the place of the default for all pods. */
export interface PodOptions extends PodDefaults {
  /**
   * What its container asks for and may take at most. Each value that is left out stays as it is by
   * the profile, but a request never exceeds a smaller limit. The heap of the process follows the
   * limit of memory.
   * @default by the profile
   */
  resources?: pulumi.Input<k8s.types.input.core.v1.ResourceRequirements>;
  /** Labels of the pods, beside the platform's own, which stay. @default none */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Annotations of the pods, beside the platform's own, which stay. @default none */
  annotations?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}
