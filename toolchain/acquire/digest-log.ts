/** Digests of all verified downloads (trust on first use): a file that changes later is refused. */
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
      `${path}: expected JSON, got something else; remove the file to start over`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Records the digest of a verified download, or compares it with the recorded one.
 * @throws ToolchainError `checksum` when the URL had other content before.
 */
export async function recordDownload(cache: string, url: string, sha256: string): Promise<void> {
  const path = join(cache, "lock.json");
  await withLock(join(cacheLayout(cache).locks, "lock.json.lock"), async () => {
    const records = await readRecords(path);
    const before = records[url];
    if (before !== undefined && before !== sha256) {
      throw new ToolchainError(
        "checksum",
        `${url}: expected the content that was first verified, SHA-256 ${before}, got ${sha256}; remove its line from ${path} if the vendor has announced the change`,
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

/** Whether a download from the host has succeeded before, so that the network does not block it. */
export async function hasServed(cache: string, host: string): Promise<boolean> {
  const records = await readRecords(join(cache, "lock.json"));
  return Object.keys(records).some((url) => new URL(url).host === host);
}
