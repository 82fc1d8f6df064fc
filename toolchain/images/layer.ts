/** Packs files into a reproducible image layer: its bytes depend only on names and contents. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { type Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, type ZstdCompress } from "node:zlib";
import { type Header, type Pack, pack } from "tar-stream";
import type { Layer } from "./oci.ts";

/**
 * Zstandard rather than gzip: its output is the same on every processor (zlib's depends on the
 * CPU's instructions), it is smaller, and nodes unpack it several times faster. OCI image
 * specification 1.1, layer media types; containerd supports it since 1.5.
 */
const LAYER_MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+zstd";
const COMPRESSION_LEVEL = 9;

/** An entry of a layer. Paths are absolute in the image, without a trailing slash. */
export type LayerEntry = { path: string } & (
  | { kind: "file"; content: string | Buffer; isExecutable?: boolean }
  | { kind: "copy"; source: string; isExecutable?: boolean }
  | { kind: "link"; target: string }
  | { kind: "directory"; mode?: number }
);

/** Writes entries as a layer: sorted, owned by root, dated 1970, with parent directories. */
export async function packLayer(entries: readonly LayerEntry[], file: string): Promise<Layer> {
  const tar = pack();
  const plain = createHash("sha256");
  const compressed = createHash("sha256");
  let size = 0;
  const compress = createZstdCompress({
    params: {
      [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  const read = pipeline(
    tar,
    tap((chunk) => plain.update(chunk)),
    chunkByChunk(compress),
  );
  const written = pipeline(
    compress,
    tap((chunk) => {
      compressed.update(chunk);
      size += chunk.length;
    }),
    createWriteStream(file),
  );
  await Promise.all([read, written, addEntries(tar, withParents(entries))]);
  return {
    mediaType: LAYER_MEDIA_TYPE,
    digest: digestOf(compressed),
    size,
    diffId: digestOf(plain),
    file,
  };
}

/** Entries for all files and links below a directory; `toPath` returns a path or excludes one. */
export async function entriesBelow(
  directory: string,
  toPath: (path: string) => string | undefined,
): Promise<LayerEntry[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const entries = found
    .filter((file) => !file.isDirectory())
    .map(async (file): Promise<LayerEntry | undefined> => {
      const source = join(file.parentPath, file.name);
      const path = toPath(`/${relative(directory, source)}`);
      if (path === undefined) {
        return undefined;
      }
      if (file.isSymbolicLink()) {
        return { kind: "link", path, target: await readlink(source) };
      }
      const isExecutable = ((await lstat(source)).mode & 0o100) !== 0;
      return { kind: "copy", path, source, isExecutable };
    });
  return (await Promise.all(entries)).filter((entry) => entry !== undefined);
}

/**
 * A stream into a compressor that ends it only after all chunks are processed. Node's compressors
 * produce other bytes when they already know that a chunk is the last one, which depends on timing.
 */
function chunkByChunk(compress: ZstdCompress): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      compress.write(chunk, done);
    },
    final(done) {
      compress.end(done);
    },
    destroy(error, done) {
      if (error !== null) {
        compress.destroy(error);
      }
      done(error);
    },
  });
}

function tap(see: (chunk: Buffer) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      see(chunk);
      done(null, chunk);
    },
  });
}

function digestOf(hash: Hash): string {
  return `sha256:${hash.digest("hex")}`;
}

/** Adds the parent directories, sorts by bytes, refuses duplicate paths. */
function withParents(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) {
    if (byPath.has(entry.path)) {
      throw new Error(`layer: expected each path once, got ${entry.path} twice`);
    }
    byPath.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let parent = dirname(path); parent !== "/"; parent = dirname(parent)) {
      if (!byPath.has(parent)) {
        byPath.set(parent, { kind: "directory", path: parent });
      }
    }
  }
  return [...byPath.values()].sort((a, b) =>
    Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)),
  );
}

async function addEntries(tar: Pack, entries: readonly LayerEntry[]): Promise<void> {
  try {
    for (const entry of entries) {
      await addEntry(tar, entry);
    }
    tar.finalize();
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

async function addEntry(tar: Pack, entry: LayerEntry): Promise<void> {
  const name = entry.path.slice(1);
  const fixed = { uid: 0, gid: 0, uname: "", gname: "", mtime: new Date(0) };
  switch (entry.kind) {
    case "directory":
      tar.entry({ ...fixed, name: `${name}/`, type: "directory", mode: entry.mode ?? 0o755 });
      return;
    case "link":
      tar.entry({ ...fixed, name, type: "symlink", linkname: entry.target, mode: 0o777 });
      return;
    case "file": {
      const content = Buffer.from(entry.content);
      const mode = modeOf(entry);
      await writeEntry(tar, { ...fixed, name, mode, size: content.length }, content);
      return;
    }
    case "copy": {
      const { size } = await lstat(entry.source);
      const mode = modeOf(entry);
      await writeEntry(tar, { ...fixed, name, mode, size }, createReadStream(entry.source));
    }
  }
}

function modeOf(entry: { isExecutable?: boolean }): number {
  return entry.isExecutable === true ? 0o755 : 0o644;
}

async function writeEntry(
  tar: Pack,
  header: Pick<Header, "name"> & Partial<Header>,
  content: Buffer | Readable,
): Promise<void> {
  const sink = tar.entry(header);
  await pipeline(Buffer.isBuffer(content) ? [content] : content, sink);
}
