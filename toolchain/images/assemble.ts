/** Turns layers into a multi-architecture image with a reference and archives. */
import { join } from "node:path";
import type { Architecture, ImageArchives, ImageArtifact } from "../../contract/index.ts";
import { ARCHIVE_FORMAT, type NamedImage, referenceOf, writeArchive } from "./archive.ts";
import type { ImageContext } from "./context.ts";
import { createIndex, createPlatformImage, type Layer, type RunConfig } from "./oci.ts";
import { findOrBuild } from "./store.ts";

const REGISTRY = "plonk.local";

export interface ImageRequest {
  /** Last part of the repository name. */
  name: string;
  /** Registry and path before the name. @default "plonk.local", which does not exist */
  registry?: string;
  tag: string;
  /** Version of the content. @default the tag */
  version?: string;
  /** Commit of the content's sources. @default none is told */
  revision?: string;
  /** One line, shown to users. */
  description: string;
  platforms: readonly { architecture: Architecture; layers: readonly Layer[]; run: RunConfig }[];
  /** Architectures to write archives for. */
  archives: readonly Architecture[];
}

/** Config, manifests and index of an image. */
export function createImage(request: Omit<ImageRequest, "archives">): NamedImage {
  const labels = {
    "org.opencontainers.image.title": request.name,
    "org.opencontainers.image.description": request.description,
    "org.opencontainers.image.version": request.version ?? request.tag,
    ...(request.revision !== undefined && {
      "org.opencontainers.image.revision": request.revision,
    }),
    "org.opencontainers.image.vendor": "Plonk",
  };
  const platforms = request.platforms.map(({ architecture, layers, run }) =>
    createPlatformImage(architecture, layers, { ...run, Labels: labels }),
  );
  const name = `${request.registry ?? REGISTRY}/${request.name}`;
  return { name, tag: request.tag, index: createIndex(platforms), platforms };
}

/** Assembles an image and writes the archives that are missing. */
export async function assembleImage(
  context: ImageContext,
  request: ImageRequest,
): Promise<ImageArtifact> {
  const image = createImage(request);
  const archives: ImageArchives = {};
  await Promise.all(
    request.archives.map(async (architecture) => {
      const archive = { name: request.name, architecture };
      archives[architecture] = await archiveOf(context, [image], archive);
    }),
  );
  return { reference: referenceOf(image), archives };
}

/** Path of an archive with these images for one architecture; written if missing. */
export async function archiveOf(
  context: ImageContext,
  images: readonly NamedImage[],
  archive: { name: string; architecture: Architecture },
): Promise<string> {
  const file = `${archive.name}.tar`;
  const entry = await findOrBuild<null>({
    root: context.images,
    name: `${archive.name}-${archive.architecture}`,
    inputs: { format: ARCHIVE_FORMAT, images: images.map(referenceOf) },
    signal: context.signal,
    build: async (directory) => {
      context.report(`assembling ${archive.name} for ${archive.architecture}`);
      await writeArchive(images, archive.architecture, join(directory, file));
      return null;
    },
  });
  return join(entry.directory, file);
}
