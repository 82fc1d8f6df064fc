/**
 * The image lock: references of the images that were published with this version of Plonk, so that
 * a program need not name them. `npm run release-images` writes it; only releases have one.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ArgumentError } from "../errors.ts";
import type { PlatformImages } from "./args.ts";

/** At the root of a checkout, and of an installed package's code. */
export const LOCK_FILE = join(import.meta.dirname, "../../images.lock.json");

/** The content of a lock, one reference each. */
export type ImageLock = Record<keyof PlatformImages, string>;

const NAMES: readonly (keyof ImageLock)[] = [
  "gateway",
  "queueWorker",
  "operator",
  "runtime",
  "nats",
  "prometheus",
  "alertmanager",
  "nodeExporter",
];

const REFERENCE = /^\S+\/\S+:[\w][\w.-]*@sha256:[0-9a-f]{64}$/;

/**
 * Reads a lock.
 * @throws ArgumentError about the argument `images`, which the lock takes the place of
 */
export function readImageLock(file = LOCK_FILE): ImageLock {
  const lock = readJson(file);
  if (lock === undefined) {
    throw new ArgumentError(
      "images: expected a reference for each image, got none; only a released package has " +
        `images.lock.json, with those that were published, and this one has none in ${file}`,
    );
  }
  for (const name of NAMES) {
    const reference = lock[name];
    if (typeof reference !== "string" || !REFERENCE.test(reference)) {
      throw new ArgumentError(
        `images: expected registry/name:tag@sha256:<64 hexadecimal digits> for ${name} in ${file}, ` +
          `got ${JSON.stringify(reference)}`,
      );
    }
  }
  return lock as ImageLock;
}

function readJson(file: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ArgumentError(`images: expected JSON in ${file}, got ${reason}`);
  }
}
