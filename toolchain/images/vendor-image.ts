/** The vendors' own images as archives, for nodes without access to registries. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Architecture, ImageArtifact } from "../../contract/index.ts";
import { ToolchainError } from "../errors.ts";
import { ARCHIVE_FORMAT, writeArchive } from "./archive.ts";
import { type ImageContext, requireDownloads } from "./context.ts";
import { readLayoutImage } from "./layout.ts";
import type { Descriptor, Document } from "./oci.ts";
import { fetchManifest, type GetCrane, pullLayout } from "./pull.ts";
import { findOrBuild } from "./store.ts";
import { type PinnedImage, toReference } from "./versions.ts";

export interface VendorImageRequest {
  /** Part of the file names. */
  name: string;
  image: PinnedImage;
  /** Architectures to write archives for. */
  architectures: readonly Architecture[];
  getCrane: GetCrane;
}

/**
 * Pulls the image of each architecture and keeps the vendor's reference: nodes get the same bytes
 * as by pulling.
 */
export async function pullVendorImage(
  context: ImageContext,
  request: VendorImageRequest,
): Promise<ImageArtifact> {
  const archives = await Promise.all(
    request.architectures.map(
      async (architecture) =>
        [architecture, await getArchive(context, request, architecture)] as const,
    ),
  );
  return { reference: toReference(request.image), archives: Object.fromEntries(archives) };
}

async function getArchive(
  context: ImageContext,
  { name, image, getCrane }: VendorImageRequest,
  architecture: Architecture,
): Promise<string> {
  const file = `${name}.tar`;
  const entry = await findOrBuild<null>({
    root: context.images,
    name: `vendor-${name}-${architecture}`,
    inputs: { format: ARCHIVE_FORMAT, architecture, image },
    signal: context.signal,
    beforeBuild: () => requireDownloads(context, `${image.name} for ${architecture}`),
    build: async (directory) => {
      context.report(`pulling ${image.name}:${image.tag} for ${architecture}`);
      const index = await fetchIndex(context, image, getCrane);
      const { digest } = findPlatform(image, index, architecture);
      const layout = join(directory, "layout");
      await pullLayout(context, { image: { ...image, digest }, directory: layout }, getCrane);
      const platform = await readLayoutImage(layout, architecture);
      const named = { name: image.name, tag: image.tag, index, platforms: [platform] };
      await writeArchive([named], architecture, join(directory, file));
      await rm(layout, { recursive: true });
      return null;
    },
  });
  return join(entry.directory, file);
}

/** The vendor's index, unchanged: its digest is the image's. */
async function fetchIndex(
  context: ImageContext,
  image: PinnedImage,
  getCrane: GetCrane,
): Promise<Document> {
  const bytes = await fetchManifest(context, image, getCrane);
  const { mediaType = "" } = JSON.parse(bytes.toString()) as { mediaType?: string };
  return { descriptor: { mediaType, digest: image.digest, size: bytes.length }, bytes };
}

function findPlatform(
  image: PinnedImage,
  { bytes }: Document,
  architecture: Architecture,
): Descriptor {
  const { manifests = [] } = JSON.parse(bytes.toString()) as { manifests?: Descriptor[] };
  const found = manifests.find(
    ({ platform }) => platform?.os === "linux" && platform.architecture === architecture,
  );
  if (found !== undefined) {
    return found;
  }
  const names = manifests.map(({ platform }) => platform?.architecture ?? "unknown").join(", ");
  throw new ToolchainError(
    "platform",
    `${toReference(image)}: expected an image for linux/${architecture}, got ${names || "no index"}`,
  );
}
