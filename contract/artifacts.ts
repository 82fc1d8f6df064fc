/**
 * What the toolchain hands to a program: paths of binaries and image archives, and the image
 * lock.
 */

/** The processor architectures that Plonk's images exist for (OCI's names). */
export const ARCHITECTURES = ["amd64", "arm64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** An image by tag and digest, and, where it was assembled here, its archives. */
export interface ImageArtifact {
  /**
   * `name:tag@sha256:…`, what a pod spec says. The digest is of the multi-architecture index
   * where there is one.
   */
  reference: string;
  /**
   * OCI layout archives (tar) by architecture, for preloading. Each names the image by its tag, as
   * k3s takes it. Empty for an image that nodes pull from its registry.
   */
  archives: Partial<Record<Architecture, string>>;
}

/** Images built from this repository. */
export const SERVICE_IMAGES = ["gateway", "queue-worker", "operator", "runtime"] as const;
export type ServiceImageName = (typeof SERVICE_IMAGES)[number];

/** Images of others. */
export const THIRD_PARTY_IMAGES = ["nats", "prometheus", "alertmanager", "node-exporter"] as const;
export type ThirdPartyImageName = (typeof THIRD_PARTY_IMAGES)[number];

export interface Artifacts {
  /**
   * The k3s binary for the machine that runs the program, and the archive with the cluster's
   * own images.
   */
  k3s: { path: string; version: string; airgapImages: string };
  images: Record<ServiceImageName | ThirdPartyImageName, ImageArtifact>;
}
