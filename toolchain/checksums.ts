/** Reads the checksum files that vendors publish beside their releases. */
import { ToolchainError } from "./errors.ts";

export interface Checksum {
  algorithm: "sha1" | "sha256" | "sha512";
  /** Lower-case hex. */
  digest: string;
}

const ALGORITHMS: Record<number, Checksum["algorithm"]> = {
  40: "sha1",
  64: "sha256",
  128: "sha512",
};

function toChecksum(digest: string): Checksum | undefined {
  const algorithm = ALGORITHMS[digest.length];
  return algorithm === undefined ? undefined : { algorithm, digest: digest.toLowerCase() };
}

/**
 * Finds the checksum of a file in the output format of `sha256sum`: digest, spaces, an optional
 * asterisk, and a path, whose last part is compared. A text with only a digest applies to any file.
 * @throws ToolchainError `checksum` when there is none, or two different ones.
 */
export function findChecksum(text: string, file: string): Checksum {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const found = new Map<string, Checksum>();
  for (const line of lines) {
    const [, digest = "", path] = /^([0-9a-f]+)(?:[ \t]+\*?(\S.*?))?\s*$/i.exec(line) ?? [];
    const isOurs = path === undefined ? lines.length === 1 : path.split("/").at(-1) === file;
    const checksum = toChecksum(digest);
    if (isOurs && checksum !== undefined) {
      found.set(checksum.digest, checksum);
    }
  }
  const [checksum] = found.values();
  if (checksum === undefined || found.size > 1) {
    const got = found.size === 0 ? "none" : `${found.size} that differ`;
    throw new ToolchainError(
      "checksum",
      `${file}: expected one checksum in the release's list, got ${got}`,
    );
  }
  return checksum;
}
