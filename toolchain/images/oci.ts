/** The JSON of an OCI image: config, manifest and index (OCI image specification 1.1). */
import { createHash } from "node:crypto";
import type { Architecture } from "../../contract/index.ts";

export const MEDIA_TYPE = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
} as const;

/** A fixed date: the time of the build would change the digest. */
const CREATED = "1970-01-01T00:00:00Z";

/** A reference to content by digest. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: { architecture: string; os: string; variant?: string };
}

/** A JSON document, kept in memory. */
export interface Document {
  descriptor: Descriptor;
  bytes: Buffer;
}

/** A compressed layer in a file. */
export interface Layer {
  mediaType: string;
  /** `sha256:…` of the compressed bytes. */
  digest: string;
  /** Compressed bytes. */
  size: number;
  /** `sha256:…` of the tar itself. */
  diffId: string;
  /** Path of the compressed bytes. */
  file: string;
}

/** How a container of the image runs, with the field names of the image specification. */
export interface RunConfig {
  Entrypoint?: readonly string[];
  Cmd?: readonly string[];
  Env?: readonly string[];
  User?: string;
  WorkingDir?: string;
  ExposedPorts?: Readonly<Record<string, object>>;
  Labels?: Readonly<Record<string, string>>;
}

/** The image of one platform: its documents and layers. */
export interface PlatformImage {
  architecture: Architecture;
  manifest: Document;
  config: Document;
  layers: readonly Layer[];
}

/** Serializes a value; the key order is kept, so equal input gives equal bytes. */
function toDocument(mediaType: string, value: unknown): Document {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = digestOf(bytes);
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** `sha256:…` of bytes. */
export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Config and manifest of one platform. */
export function createPlatformImage(
  architecture: Architecture,
  layers: readonly Layer[],
  run: RunConfig,
): PlatformImage {
  const config = toDocument(MEDIA_TYPE.config, {
    created: CREATED,
    architecture,
    os: "linux",
    config: sortLabels(run),
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: CREATED, created_by: "plonk" })),
  });
  const manifest = toDocument(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: config.descriptor,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  });
  return { architecture, manifest, config, layers };
}

/** The index of an image's platforms; its digest is the image's. */
export function createIndex(platforms: readonly PlatformImage[]): Document {
  const sorted = [...platforms].sort((a, b) => (a.architecture < b.architecture ? -1 : 1));
  return toDocument(MEDIA_TYPE.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: sorted.map(({ architecture, manifest }) => ({
      ...manifest.descriptor,
      platform: { architecture, os: "linux" },
    })),
  });
}

function sortLabels(run: RunConfig): RunConfig {
  if (run.Labels === undefined) {
    return run;
  }
  const labels = Object.entries(run.Labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...run, Labels: Object.fromEntries(labels) };
}
