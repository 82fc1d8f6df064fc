/** Image archives for preloading: OCI layouts in a tar, for one architecture each. */
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { type Pack, pack } from "tar-stream";
import type { Architecture } from "../../contract/index.ts";
import { type Descriptor, type Document, MEDIA_TYPE, type PlatformImage } from "./oci.ts";

/** Increment it when archives of the same images change. */
export const ARCHIVE_FORMAT = 2;

/** An image of one or more platforms, by name and tag. */
export interface NamedImage {
  /** Repository, e.g. `plonk.local/gateway`. */
  name: string;
  tag: string;
  index: Document;
  platforms: readonly PlatformImage[];
}

/** `name:tag@digest`, as in a pod spec. */
export function referenceOf({ name, tag, index }: NamedImage): string {
  return `${name}:${tag}@${index.descriptor.digest}`;
}

/**
 * Writes images with the layers of one architecture. The archive has the manifests and configs of
 * all architectures, so that the index keeps its digest and an import that walks it finds them.
 * Images are named by tag only: k3s refuses an archive with names by digest, and adds these names
 * itself on import; containerd looks up a reference with tag and digest by them.
 */
export async function writeArchive(
  images: readonly NamedImage[],
  architecture: Architecture,
  file: string,
): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createWriteStream(file));
  await Promise.all([written, addLayout(tar, images, architecture)]);
}

async function addLayout(
  tar: Pack,
  images: readonly NamedImage[],
  architecture: Architecture,
): Promise<void> {
  const documents = images.flatMap(({ index, platforms }) => [
    index,
    ...platforms.flatMap(({ manifest, config }) => [manifest, config]),
  ]);
  const layers = images.flatMap(({ platforms }) =>
    platforms
      .filter((platform) => platform.architecture === architecture)
      .flatMap((platform) => platform.layers),
  );
  try {
    await addFile(tar, "index.json", Buffer.from(JSON.stringify(toLayoutIndex(images))));
    await addFile(tar, "oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
    for (const { descriptor, bytes } of uniqueByDigest(documents, (each) => each.descriptor)) {
      await addFile(tar, blobPath(descriptor.digest), bytes);
    }
    for (const { digest, file, size } of uniqueByDigest(layers, (each) => each)) {
      await addFile(tar, blobPath(digest), { file, size });
    }
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function toLayoutIndex(images: readonly NamedImage[]): object {
  return {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: images.map(named),
  };
}

/** containerd reads `io.containerd.image.name`, other tools `ref.name`. */
function named({ name, tag, index }: NamedImage): Descriptor {
  return {
    ...index.descriptor,
    annotations: {
      "io.containerd.image.name": `${name}:${tag}`,
      "org.opencontainers.image.ref.name": tag,
    },
  };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function uniqueByDigest<T>(items: readonly T[], of: (item: T) => { digest: string }): T[] {
  return [...new Map(items.map((item) => [of(item).digest, item])).values()];
}

async function addFile(
  tar: Pack,
  name: string,
  content: Buffer | { file: string; size: number },
): Promise<void> {
  const isBuffer = Buffer.isBuffer(content);
  const size = isBuffer ? content.length : content.size;
  const sink = tar.entry({ name, size, mode: 0o644, mtime: new Date(0) });
  await pipeline(isBuffer ? [content] : createReadStream(content.file), sink);
}
