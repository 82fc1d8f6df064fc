/** Our own builds packed as their vendors pack them: same names, same layout, checksum files. */
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { link, mkdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { pack } from "tar-stream";
import type { Architecture } from "../../../contract/index.ts";
import { hashFile, listFiles } from "../../../toolchain/hash.ts";
import type { ReleaseFile, Tool } from "../../../toolchain/tool.ts";

/** What the cache keeps about a tool beside its files. */
const NOT_RELEASED = /^(plonk-tool\.json|\.plonk-.*)$/;

export interface Build {
  tool: Tool;
  /** The tool's directory, as `acquire` gives it. */
  directory: string;
  architecture: Architecture;
  /** Files of the release that are not in the directory, by their place in it. */
  extra?: Readonly<Record<string, string>>;
}

/** A file on a vendor's server. */
export interface Publication {
  url: string;
  /** Its content: a path, or text. */
  content: { path: string } | { text: string };
}

/** Writes the files of the tool's release into a folder, and the text of its checksum files. */
export async function packRelease(build: Build, folder: string): Promise<Publication[]> {
  const published: Publication[] = [];
  const checksums = new Map<string, string>();
  await mkdir(folder, { recursive: true });
  for (const file of build.tool.release?.files(build.architecture) ?? []) {
    const name = decodeURIComponent(basename(new URL(file.url).pathname));
    const path = join(folder, name);
    await (file.format === "archive" ? writeArchive : placeFile)(build, file, path);
    published.push({ url: file.url, content: { path } });
    const before = checksums.get(file.checksums) ?? "";
    checksums.set(file.checksums, `${before}${await hashFile(path)}  ${name}\n`);
  }
  const texts = [...checksums].map(([url, text]) => ({ url, content: { text } }));
  return [...published, ...texts];
}

async function writeArchive(build: Build, file: ReleaseFile, path: string): Promise<void> {
  const root = join(build.directory, file.to);
  const present = (await listFiles(root)).filter((name) => !NOT_RELEASED.test(name));
  const names = present.filter((name) => file.only?.includes(name) ?? true);
  const missing = file.only?.filter((name) => !names.includes(name)) ?? [];
  if (names.length === 0 || missing.length > 0) {
    throw new Error(
      `${build.tool.name}: expected ${missing.join(", ") || "files"} in ${root}, got none`,
    );
  }
  const folder = basename(path).replace(/\.(tar\.gz|tgz)$/, "");
  const prefix = Array.from({ length: file.strip ?? 0 }, () => `${folder}/`).join("");
  const tar = pack();
  const written = pipeline(tar, createGzip({ level: 1 }), createWriteStream(path));
  for (const name of names) {
    const { size, mode } = await stat(join(root, name));
    const entry = tar.entry({ name: `${prefix}${name}`, size, mode: mode & 0o777 });
    await pipeline(createReadStream(join(root, name)), entry);
  }
  if (file.only !== undefined) {
    tar.entry({ name: `${prefix}LICENSE` }, "the vendor's");
  }
  tar.finalize();
  await written;
}

async function placeFile(build: Build, file: ReleaseFile, path: string): Promise<void> {
  const own = join(build.directory, file.to);
  const source = existsSync(own) ? own : build.extra?.[file.to];
  if (source === undefined) {
    throw new Error(
      `${build.tool.name}: expected ${file.to}, or an extra file for it, got neither`,
    );
  }
  if (path.endsWith(".zst") && !source.endsWith(".zst")) {
    await pipeline(createReadStream(source), createZstdCompress(), createWriteStream(path));
  } else {
    // Hundreds of megabytes: a second name where the file system allows it.
    await link(source, path).catch(() =>
      pipeline(createReadStream(source), createWriteStream(path)),
    );
  }
}
