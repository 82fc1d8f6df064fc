/** Pulls third-party images with `crane`, always by digest, from their registry or a mirror. */
import { toMessage, ToolchainError } from "../errors.ts";
import type { ImageContext } from "./context.ts";
import { digestOf } from "./oci.ts";
import { type PinnedImage, toReference } from "./versions.ts";

/** Returns the path of `crane`; called only when something is pulled. */
export type GetCrane = () => Promise<string>;

/** Pulls an image by digest, or one platform of an index, as an OCI layout. */
export async function pullLayout(
  context: ImageContext,
  source: { image: PinnedImage; platform?: string; directory: string },
  getCrane: GetCrane,
): Promise<void> {
  const { image, platform, directory } = source;
  const target = platform === undefined ? [] : ["--platform", platform];
  const options = [...target, "--format", "oci"];
  await crane(context, image, {
    getCrane,
    toArguments: (reference) => ["pull", ...options, reference, directory],
  });
}

/** The bytes of a manifest or index, verified. */
export async function fetchManifest(
  context: ImageContext,
  image: PinnedImage,
  getCrane: GetCrane,
): Promise<Buffer> {
  const toArguments = (reference: string): string[] => ["manifest", reference];
  const text = await crane(context, image, { getCrane, toArguments });
  const bytes = Buffer.from(text);
  if (digestOf(bytes) === image.digest) {
    return bytes;
  }
  throw new ToolchainError(
    "checksum",
    `${toReference(image)}: expected content with that digest, got ${digestOf(bytes)}`,
  );
}

interface CraneCall {
  getCrane: GetCrane;
  toArguments: (reference: string) => readonly string[];
}

async function crane(context: ImageContext, image: PinnedImage, call: CraneCall): Promise<string> {
  const { registryMirror: mirror } = context;
  const name = mirror === undefined ? image.name : `${mirror.prefix}/${image.name}`;
  const insecure = mirror?.isPlain === true ? ["--insecure"] : [];
  const path = await call.getCrane();
  try {
    const args = call.toArguments(`${name}@${image.digest}`);
    return await context.run(path, [...args, ...insecure]);
  } catch (error) {
    context.signal.throwIfAborted();
    throw new ToolchainError(
      "unavailable",
      `${toReference(image)}: could not be pulled from ${name.split("/")[0] ?? name} ` +
        `(PLONK_OFFLINE=1 assembles images without registries): ${toMessage(error)}`,
      { cause: error },
    );
  }
}
