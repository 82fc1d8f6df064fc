/** Checks free disk space before large downloads and builds. */
import { mkdir, statfs } from "node:fs/promises";
import { ToolchainError } from "./errors.ts";

/**
 * @throws ToolchainError `disk` when the file system of `directory` has less free space.
 */
export async function requireSpace(
  what: string,
  directory: string,
  megabytes: number,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  const free = Math.floor((bavail * bsize) / 1e6);
  if (free < megabytes) {
    throw new ToolchainError(
      "disk",
      `disk: ${what} needs ${megabytes} MB free in ${directory}, got ${free} MB; free some, or set PLONK_CACHE to a folder on a larger disk`,
    );
  }
}
