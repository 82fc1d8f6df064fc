/** Reads the image in an OCI layout of `crane pull`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Architecture } from "../../contract/index.ts";
import type { Descriptor, Document, Layer, PlatformImage, RunConfig } from "./oci.ts";

interface Config {
  config: RunConfig;
  rootfs: { diff_ids: string[] };
}

/** The image's documents unchanged, and its layers with absolute paths. */
export async function readLayoutImage(
  directory: string,
  architecture: Architecture,
): Promise<PlatformImage> {
  const { manifests } = JSON.parse(await readFile(join(directory, "index.json"), "utf8")) as {
    manifests: Descriptor[];
  };
  const [only] = manifests;
  if (only === undefined || manifests.length !== 1) {
    throw new Error(`${directory}: expected one image per platform, got ${manifests.length}`);
  }
  const manifest = await readDocument(directory, only);
  const parts = JSON.parse(manifest.bytes.toString()) as {
    config: Descriptor;
    layers: Descriptor[];
  };
  const config = await readDocument(directory, parts.config);
  const { rootfs } = JSON.parse(config.bytes.toString()) as Config;
  const layers = parts.layers.map(({ mediaType, digest, size }, index): Layer => {
    const diffId = rootfs.diff_ids[index];
    if (diffId === undefined) {
      throw new Error(`${directory}: expected a diff id per layer`);
    }
    return { mediaType, digest, size, diffId, file: join(directory, blobFile(digest)) };
  });
  return { architecture, manifest, config, layers };
}

/** How a container of the image runs. */
export function runConfigOf({ config }: PlatformImage): RunConfig {
  return (JSON.parse(config.bytes.toString()) as Config).config;
}

/** Path of a blob in a layout. */
export function blobFile(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

async function readDocument(directory: string, descriptor: Descriptor): Promise<Document> {
  const { mediaType, digest, size } = descriptor;
  const bytes = await readFile(join(directory, blobFile(digest)));
  return { descriptor: { mediaType, digest, size }, bytes };
}
