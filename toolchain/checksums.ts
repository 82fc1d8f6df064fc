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
 * Finds the checksum of a file in the text that `sha256sum` and its kin write: digest, spaces,
 * perhaps an asterisk, and a path of which the last part counts. A text that is nothing but a
 * digest is that of the only file it can be about.
 * @throws ToolchainError `checksum` when there is none, or two that differ.
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
