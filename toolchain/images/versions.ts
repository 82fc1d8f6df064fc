/**
 * Third-party images on an open network, by tag and digest of the multi-architecture index.
 * `$PLONK_IMAGE_LOCK` overrides them (`pins.ts`).
 *
 * No digest is computed or guessed: each was read on 2026-11-21 in public repositories that pin the
 * same reference independently of each other; a comment gives their number. To bump one, find at
 * least two such sources.
 *
 * On a closed network the same names are assembled from Go builds of the same versions. Prometheus
 * and Alertmanager then lack their web pages, which the Go modules do not contain.
 */
import type { ThirdPartyImageName } from "../../contract/index.ts";

export interface PinnedImage {
  /** Repository with its registry. */
  name: string;
  tag: string;
  /** Digest of the index. */
  digest: string;
}

export const VENDOR_IMAGES: Record<ThirdPartyImageName, PinnedImage> = {
  nats: {
    name: "docker.io/library/nats",
    // The newest that two sources pin; the tool `nats-server` is the same version.
    tag: "2.15.0-alpine",
    // 6 sources agree, read on 2026-11-28.
    digest: "sha256:ac8f88a6494bffc2c2a5289a0ca61cb28a9145c11ba5677cf24265d07f46d8d4",
  },
  prometheus: {
    name: "docker.io/prom/prometheus",
    tag: "v3.5.0",
    // 5 sources agree.
    digest: "sha256:63805ebb8d2b3920190daf1cb14a60871b16fd38bed42b857a3182bc621f4996",
  },
  alertmanager: {
    name: "docker.io/prom/alertmanager",
    tag: "v0.28.1",
    // 7 sources agree.
    digest: "sha256:27c475db5fb156cab31d5c18a4251ac7ed567746a2483ff264516437a39b15ba",
  },
  "node-exporter": {
    name: "docker.io/prom/node-exporter",
    tag: "v1.9.1",
    // 5 sources agree.
    digest: "sha256:d00a542e409ee618a4edc67da14dd48c5da66726bbd5537ab2af9c1dfc442c8a",
  },
};

/** Base of the service images on an open network: Node 24, no shell. */
export const NODE_BASE: PinnedImage = {
  name: "gcr.io/distroless/nodejs24-debian12",
  // The tag moves; the digest is what is pulled. 4 sources agree.
  tag: "nonroot",
  digest: "sha256:14d42e2511532589a7c7e01a753667a74fcc96266e137e8125006b87b0c32d0a",
};

/** `name:tag@digest`. */
export function toReference({ name, tag, digest }: PinnedImage): string {
  return `${name}:${tag}@${digest}`;
}
