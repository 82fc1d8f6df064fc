/**
 * What the toolchain hands to a program: paths of binaries and image archives, and the image
 * lock.
 */

/** The processor architectures that Plonk's images exist for (OCI's names). */
export const Architecture = {
  Amd64: "amd64",
  Arm64: "arm64",
} as const;
export type Architecture = (typeof Architecture)[keyof typeof Architecture];

/** All of them, in the order in which lists name them. */
export const ARCHITECTURES = [Architecture.Amd64, Architecture.Arm64] as const;

/** Paths of OCI layout archives (tar), by architecture. */
export interface ImageArchives {
  amd64?: string;
  arm64?: string;
}

/** An image by tag and digest, and, where it was assembled here, its archives. */
export interface ImageArtifact {
  /**
   * `name:tag@sha256:…`, what a pod spec says. The digest is of the multi-architecture index
   * where there is one.
   */
  reference: string;
  /**
   * Archives for preloading. Each names the image by its tag, as k3s takes it. A registry or a
   * command takes the image as a whole: then there is one for each architecture of the index. Empty
   * for an image that nodes pull from its registry.
   */
  archives: ImageArchives;
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
