/** Unpacks a tar.gz, and nothing that would land outside of the folder it goes to. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { isDiskFull, toMessage, ToolchainError } from "../errors.ts";

/** More than any tool has; a small archive that grows beyond it is not one of ours. */
const MAX_BYTES = 4e9;

export interface ExtractOptions {
  /** How many leading folders to leave out. */
  strip: number;
  /** The paths that are wanted, after `strip`. @default all */
  only?: readonly string[] | undefined;
}

/**
 * The path of an entry below the destination, or nothing if `strip` leaves none.
 * @throws ToolchainError `archive` for an absolute path or one that leads upwards.
 */
export function toEntryPath(name: string, strip: number): string | undefined {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (name.startsWith("/") || parts.includes("..") || name.includes("\0")) {
    throw new ToolchainError("archive", `archive: paths must stay inside of it, got "${name}"`);
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
  // Nothing but the question whether it is a program is taken from the archive.
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
  // An entry that was cut off before anybody read it says nothing of it any more.
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
          `archive: must hold plain files of a sane size, got ${got}`,
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
      `archive: must hold ${[...missing].join(", ")}, got nothing there`,
    );
  }
}

/** When one side fails the other is cut off, so of several errors the one that says why counts. */
function toArchiveError(failures: readonly Error[]): Error {
  const known = failures.find((error) => error instanceof ToolchainError || isDiskFull(error));
  const [first] = failures;
  return (
    known ??
    new ToolchainError("archive", `archive: must be a whole tar.gz, got ${toMessage(first)}`, {
      cause: first,
    })
  );
}
