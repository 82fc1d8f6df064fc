/** The base of the service images: Node 24 without a shell, pulled or assembled locally. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Architecture, ARCHITECTURES } from "../../contract/index.ts";
import { type ImageContext, requireDownloads } from "./context.ts";
import { type LayerEntry, packLayer } from "./layer.ts";
import { blobFile, readLayoutImage, runConfigOf } from "./layout.ts";
import { getNodePackage } from "./node-binary.ts";
import type { Layer, RunConfig } from "./oci.ts";
import { NODE_VERSION } from "./package.ts";
import { type GetCrane, pullLayout } from "./pull.ts";
import { collectRootfs, ROOTFS_PACKAGES } from "./rootfs.ts";
import { findOrBuild, type StoreEntry } from "./store.ts";
import type { PinnedImage } from "./versions.ts";

/** What an image is built upon, by architecture. */
export type Base = Record<Architecture, PlatformBase>;

interface PlatformBase {
  layers: readonly Layer[];
  /** The part of the base's configuration that the image inherits. */
  run: RunConfig;
}

interface StoredBase {
  layers: Layer[];
  run: RunConfig;
}

/** The first layer of each image for one architecture: C library, certificates and users. */
export async function getRootfsLayer(
  context: ImageContext,
  architecture: Architecture,
): Promise<Layer> {
  const entry = await findOrBuild<Layer>({
    root: context.images,
    name: `rootfs-${architecture}`,
    inputs: { architecture, ROOTFS_PACKAGES },
    signal: context.signal,
    beforeBuild: () => requireDownloads(context, `Debian's packages for ${architecture}`),
    build: async (directory) =>
      await withScratch(join(directory, "scratch"), async (scratch) =>
        packInto(directory, "rootfs.tar.zst", await collectRootfs(context, architecture, scratch)),
      ),
  });
  return atPath(entry, entry.value);
}

/** The base on a closed network: Debian's C library and npm's `node`. */
export async function assembleNodeBase(context: ImageContext): Promise<Base> {
  return await forEachArchitecture(async (architecture) => {
    const [rootfs, node] = await Promise.all([
      getRootfsLayer(context, architecture),
      getNodeLayer(context, architecture),
    ]);
    const run = { Env: ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"] };
    return { layers: [rootfs, node], run };
  });
}

/** The base on an open network, pulled by `crane` from its registry. */
export async function pullNodeBase(
  context: ImageContext,
  image: PinnedImage,
  getCrane: GetCrane,
): Promise<Base> {
  return await forEachArchitecture(async (architecture) => {
    const entry = await findOrBuild<StoredBase>({
      root: context.images,
      name: `base-${architecture}`,
      inputs: { architecture, image },
      signal: context.signal,
      beforeBuild: () => requireDownloads(context, `${image.name} for ${architecture}`),
      build: async (directory) => {
        context.report(`pulling ${image.name}:${image.tag} for ${architecture}`);
        const platform = `linux/${architecture}`;
        await pullLayout(context, { image, platform, directory }, getCrane);
        return await readBase(directory, architecture);
      },
    });
    const { layers, run } = entry.value;
    return { layers: layers.map((layer) => atPath(entry, layer)), run };
  });
}

async function getNodeLayer(context: ImageContext, architecture: Architecture): Promise<Layer> {
  const entry = await findOrBuild<Layer>({
    root: context.images,
    name: `node-${architecture}`,
    inputs: { architecture, NODE_VERSION },
    signal: context.signal,
    beforeBuild: () => requireDownloads(context, `node for ${architecture}`),
    build: async (directory) =>
      await withScratch(join(directory, "scratch"), async (scratch) => {
        const source = await getNodePackage(context, architecture, scratch);
        context.report(`packing node ${NODE_VERSION} for ${architecture}`);
        return await packInto(directory, "node.tar.zst", [
          {
            kind: "copy",
            path: "/nodejs/bin/node",
            source: join(source, "bin/node"),
            isExecutable: true,
          },
          { kind: "copy", path: "/nodejs/LICENSE", source: join(source, "LICENSE") },
        ]);
      }),
  });
  return atPath(entry, entry.value);
}

/** Packs a layer into a file of an entry; its path is relative, as entries are moved. */
export async function packInto(
  directory: string,
  file: string,
  entries: readonly LayerEntry[],
): Promise<Layer> {
  return { ...(await packLayer(entries, join(directory, file))), file };
}

/** A layer of an entry, with the absolute path of its file. */
export function atPath(entry: StoreEntry<unknown>, layer: Layer): Layer {
  return { ...layer, file: join(entry.directory, layer.file) };
}

/** Reads a base from a pulled image; paths are relative, as entries are moved. */
async function readBase(directory: string, architecture: Architecture): Promise<StoredBase> {
  const image = await readLayoutImage(directory, architecture);
  const layers = image.layers.map((layer) => ({
    ...layer,
    mediaType: toOciLayer(layer.mediaType),
    file: blobFile(layer.digest),
  }));
  const { Env } = runConfigOf(image);
  return { layers, run: Env === undefined ? {} : { Env } };
}

/** The OCI media type of the same bytes for Docker's media type of a layer. */
function toOciLayer(mediaType: string): string {
  return mediaType === "application/vnd.docker.image.rootfs.diff.tar.gzip"
    ? "application/vnd.oci.image.layer.v1.tar+gzip"
    : mediaType;
}

async function forEachArchitecture(
  make: (architecture: Architecture) => Promise<PlatformBase>,
): Promise<Base> {
  const [amd64, arm64] = await Promise.all(ARCHITECTURES.map(make));
  if (amd64 === undefined || arm64 === undefined) {
    throw new Error("architectures: two expected");
  }
  return { amd64, arm64 };
}

async function withScratch<T>(scratch: string, work: (scratch: string) => Promise<T>): Promise<T> {
  await mkdir(scratch, { recursive: true });
  try {
    return await work(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
