/** The pinned third-party images: those of `versions.ts`, or those of a lock file. */
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
 * The pins; those in the file `$PLONK_IMAGE_LOCK` override those of `versions.ts`. The file is
 * JSON, e.g. `{"nats": "registry.example.com/nats:2.15.0@sha256:…"}`. The digest is required, so
 * that every pull is verified.
 * @throws ToolchainError for a file that is unreadable or has other content.
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
    throw toError(`expected an object of references by name in ${path}, got something else`);
  }
  const entries = Object.entries(lock).map(([key, value]): [string, PinnedImage] => {
    if (!KEYS.includes(key)) {
      throw toError(`expected names of ${KEYS.join(", ")} in ${path}, got "${key}"`);
    }
    return [key, parsePin(key, value)];
  });
  return Object.fromEntries(entries);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw toError(`expected the path of a JSON file, got "${path}" (${toMessage(error)})`);
  }
}

function parsePin(key: string, value: unknown): PinnedImage {
  const pattern =
    /^((?:[a-z0-9-]+\.[a-z0-9.-]+|[a-z0-9.-]+:\d+|localhost)(?::\d+)?\/[a-z0-9._/-]+):(\w[\w.-]{0,127})@(sha256:[0-9a-f]{64})$/;
  const [, name, tag, digest] = pattern.exec(typeof value === "string" ? value : "") ?? [];
  if (name === undefined || tag === undefined || digest === undefined) {
    throw toError(
      `${key}: expected registry/name:tag@sha256:<64 hexadecimal digits>, ` +
        `got ${JSON.stringify(value)}`,
    );
  }
  return { name, tag, digest };
}

function toError(message: string): ToolchainError {
  return new ToolchainError("argument", `PLONK_IMAGE_LOCK: ${message}`);
}
