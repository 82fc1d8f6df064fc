/** Which images of others are used: those of `versions.ts`, or those that a lock file names. */
import { readFile } from "node:fs/promises";
import { THIRD_PARTY_IMAGES, type ThirdPartyImageName } from "../../contract/index.ts";
import type { Environment } from "../directories.ts";
import { toMessage, ToolchainError } from "../errors.ts";
import { NODE_BASE, type PinnedImage, VENDOR_IMAGES } from "./versions.ts";

export interface ImagePins {
  nodeBase: PinnedImage;
  vendors: Record<ThirdPartyImageName, PinnedImage>;
}

const BASE_KEY = "node-base";
const KEYS: readonly string[] = [BASE_KEY, ...THIRD_PARTY_IMAGES];

/**
 * The pins, those in the file `$PLONK_IMAGE_LOCK` before those of `versions.ts`. The file is JSON,
 * e.g. `{"nats": "registry.example.com/nats:2.15.0@sha256:…"}`. There is no way to do without a
 * digest: what is pulled is always verified.
 * @throws ToolchainError for a file that cannot be read or has anything else in it.
 */
export async function readPins(env: Environment): Promise<ImagePins> {
  const path = env["PLONK_IMAGE_LOCK"] ?? "";
  const locked = path === "" ? {} : await readLock(path);
  const vendors = { ...VENDOR_IMAGES };
  for (const name of THIRD_PARTY_IMAGES) {
    vendors[name] = locked[name] ?? vendors[name];
  }
  return { nodeBase: locked[BASE_KEY] ?? NODE_BASE, vendors };
}

async function readLock(path: string): Promise<Partial<Record<string, PinnedImage>>> {
  const lock = await readJson(path);
  if (typeof lock !== "object" || lock === null || Array.isArray(lock)) {
    throw toError(`${path} must be an object of references by name, got something else`);
  }
  const entries = Object.entries(lock).map(([key, value]): [string, PinnedImage] => {
    if (!KEYS.includes(key)) {
      throw toError(`names in ${path} must be of ${KEYS.join(", ")}, got "${key}"`);
    }
    return [key, parsePin(key, value)];
  });
  return Object.fromEntries(entries);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw toError(`must be the path of a JSON file, got "${path}" (${toMessage(error)})`);
  }
}

function parsePin(key: string, value: unknown): PinnedImage {
  const pattern =
    /^((?:[a-z0-9-]+\.[a-z0-9.-]+|[a-z0-9.-]+:\d+|localhost)(?::\d+)?\/[a-z0-9._/-]+):(\w[\w.-]{0,127})@(sha256:[0-9a-f]{64})$/;
  const [, name, tag, digest] = pattern.exec(typeof value === "string" ? value : "") ?? [];
  if (name === undefined || tag === undefined || digest === undefined) {
    throw toError(
      `${key} must be registry/name:tag@sha256:<64 hexadecimal digits>, ` +
        `got ${JSON.stringify(value)}`,
    );
  }
  return { name, tag, digest };
}

function toError(message: string): ToolchainError {
  return new ToolchainError("argument", `PLONK_IMAGE_LOCK: ${message}`);
}
