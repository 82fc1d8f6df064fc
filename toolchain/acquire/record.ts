/** The lock of downloads: what each was when it was first verified, so that a change is noticed. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheLayout } from "../directories.ts";
import { ToolchainError } from "../errors.ts";
import { withLock } from "../lock.ts";

/** SHA-256 by the vendor's URL. */
type Records = Record<string, string>;

async function readRecords(path: string): Promise<Records> {
  const text = await readFile(path, "utf8").catch(() => "{}");
  try {
    return JSON.parse(text) as Records;
  } catch (error) {
    throw new ToolchainError(
      "checksum",
      `${path}: must be JSON, got something else; remove it to begin anew`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Records the digest of a verified download, or compares it with the one on record.
 * @throws ToolchainError `checksum` when the same URL gave something else before.
 */
export async function recordDownload(cache: string, url: string, sha256: string): Promise<void> {
  const path = join(cache, "lock.json");
  await withLock(join(cacheLayout(cache).locks, "lock.json.lock"), async () => {
    const records = await readRecords(path);
    const before = records[url];
    if (before !== undefined && before !== sha256) {
      throw new ToolchainError(
        "checksum",
        `${url}: must be what it was when first verified, SHA-256 ${before}, got ${sha256}; remove its line from ${path} if the vendor has announced the change`,
      );
    }
    if (before === undefined) {
      const sorted = Object.entries({ ...records, [url]: sha256 }).sort(([a], [b]) =>
        a < b ? -1 : 1,
      );
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`);
      await rename(`${path}.new`, path);
    }
  });
}

/** Whether a host has let a download through before, as against a network that refuses it. */
export async function hasServed(cache: string, host: string): Promise<boolean> {
  const records = await readRecords(join(cache, "lock.json"));
  return Object.keys(records).some((url) => new URL(url).host === host);
}
