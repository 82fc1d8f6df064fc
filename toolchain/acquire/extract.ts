/** Unpacks a tar.gz; refuses entries that would land outside of the destination. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { isDiskFull, toMessage, ToolchainError } from "../errors.ts";

/** Limit against decompression bombs; no tool is that large. */
const MAX_BYTES = 4e9;

export interface ExtractOptions {
  /** How many leading folders to leave out. */
  strip: number;
  /** The paths to extract, after `strip`. @default all */
  only?: readonly string[] | undefined;
}

/**
 * The path of an entry below the destination; undefined if `strip` leaves none.
 * @throws ToolchainError `archive` for an absolute path or one that leads upwards.
 */
export function toEntryPath(name: string, strip: number): string | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || parts.includes("..") || name.includes("\0")) {
    throw new ToolchainError("archive", `archive: expected paths inside of it, got "${name}"`);
  }
  return parts.length <= strip ? undefined : parts.slice(strip).join("/");
}

interface Target {
  path: string;
  mode: number;
  signal: AbortSignal;
}

async function writeEntry(content: Readable, { path, mode, signal }: Target): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // Of the mode in the archive only the executable bit is used.
  await pipeline(
    content,
    createWriteStream(path, { flags: "wx", mode: mode & 0o111 ? 0o755 : 0o644 }),
    { signal },
  );
}

function isWanted(header: Header, path: string | undefined, options: ExtractOptions): boolean {
  return (
    path !== undefined &&
    header.type !== "directory" &&
    (options.only === undefined || options.only.includes(path))
  );
}

/**
 * Unpacks the regular files of an archive into `destination`.
 * @throws ToolchainError `archive` for a damaged archive, a path that leaves it, a link, or a
 *   wanted file that it does not have.
 */
export async function extractArchive(
  archive: string,
  destination: string,
  options: ExtractOptions,
): Promise<void> {
  const tar = extract();
  // An entry that is aborted before it is read never emits an error.
  const stop = new AbortController();
  const missing = new Set(options.only);
  let total = 0;
  const unpack = async (): Promise<void> => {
    for await (const entry of tar) {
      const { header } = entry;
      const path = toEntryPath(header.name, options.strip);
      total += header.size;
      if (path === undefined || !isWanted(header, path, options)) {
        entry.resume();
        continue;
      }
      if (header.type !== "file" || total > MAX_BYTES) {
        const got =
          header.type === "file" ? `more than ${MAX_BYTES} bytes` : `${header.type} ${header.name}`;
        throw new ToolchainError(
          "archive",
          `archive: expected plain files of a reasonable size, got ${got}`,
        );
      }
      missing.delete(path);
      const target = { path: join(destination, path), mode: header.mode, signal: stop.signal };
      await writeEntry(entry as unknown as Readable, target);
    }
  };
  const reading = pipeline(createReadStream(archive), createGunzip(), tar);
  reading.catch((error: unknown) => {
    stop.abort(error);
  });
  const ends = await Promise.allSettled([reading, unpack()]);
  const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as Error] : []));
  if (failures.length > 0) {
    throw toArchiveError(failures);
  }
  if (missing.size > 0) {
    throw new ToolchainError(
      "archive",
      `archive: expected ${[...missing].join(", ")} in it, got nothing there`,
    );
  }
}

/** A failing stream aborts the other, so a specific error takes precedence over the first one. */
function toArchiveError(failures: readonly Error[]): Error {
  const known = failures.find((error) => error instanceof ToolchainError || isDiskFull(error));
  const [first] = failures;
  return (
    known ??
    new ToolchainError("archive", `archive: expected a whole tar.gz, got ${toMessage(first)}`, {
      cause: first,
    })
  );
}
