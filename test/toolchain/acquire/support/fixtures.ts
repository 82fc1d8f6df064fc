/** Archives, checksum files and directories that the tests of the toolchain are made of. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import type { Progress } from "../../../../toolchain/progress.ts";
import { until } from "../../../support/until.ts";

/** Timeouts, milliseconds, that no busy machine reaches. */
export const PATIENT = { connect: 60_000, headers: 60_000, body: 60_000 };

export interface Entry {
  name: string;
  content?: string | Buffer;
  type?: Header["type"];
  linkname?: string;
  mode?: number;
}

/** A tar.gz of these entries, exactly as named. */
export async function makeArchive(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content = "", type = "file", linkname = "", mode = 0o755 } of entries) {
    const header = type === "file" ? { name, type, mode } : { name, type, mode, linkname };
    tar.entry(header, type === "file" ? content : "");
  }
  tar.finalize();
  return gzipSync(await buffer(tar));
}

export function digest(content: Buffer | string, algorithm = "sha256"): string {
  return createHash(algorithm).update(content).digest("hex");
}

/** A line as `sha256sum` writes it. */
export function toChecksumLine(name: string, content: Buffer): string {
  return `${digest(content)}  ${name}\n`;
}

/** Removes what it has made when it is told to. */
export class Folders {
  readonly #paths: string[] = [];

  async create(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "plonk-toolchain-test-"));
    this.#paths.push(path);
    return path;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#paths.map((path) => rm(path, { recursive: true, force: true })));
  }
}

/** Resolves when a download, whole or not, has so many bytes on the disk. */
export async function untilStored(cacheDir: string, bytes: number): Promise<void> {
  const folder = join(cacheDir, "downloads");
  await until(`${bytes} bytes in ${folder}`, async () => {
    const names = await readdir(folder).catch(() => []);
    const files = names.filter((name) => !name.endsWith(".validator"));
    const sizes = await Promise.all(
      files.map((name) =>
        stat(join(folder, name)).then(
          ({ size }) => size,
          () => -1,
        ),
      ),
    );
    return sizes.includes(bytes);
  });
}

/** Keeps what is said. */
export function recordProgress(): Progress & { lines: string[]; notes: string[] } {
  const lines: string[] = [];
  const notes: string[] = [];
  return {
    lines,
    notes,
    note: (line) => notes.push(line),
    start: (name) => ({
      report: (message) => lines.push(`${name}: ${message}`),
      bytes: () => undefined,
      end: () => undefined,
    }),
  };
}
