/** Digests of files and folders. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** Digest of a file's content, in lower-case hex. */
export async function hashFile(path: string, algorithm = "sha256"): Promise<string> {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Paths of all files below a folder, relative to it, sorted; links count as files. */
export async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

/** One digest of several files, and of all below several folders: names and contents. */
export async function hashTree(root: string, paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) {
    const files = await listFiles(join(root, path)).catch(() => [""]);
    for (const file of files) {
      const digest = await hashFile(join(root, path, file));
      hash.update(`${join(path, file)}\0${digest}\n`);
    }
  }
  return hash.digest("hex");
}
