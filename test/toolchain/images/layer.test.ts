/** Layers depend on the content and names of files alone. */
import { createHash } from "node:crypto";
import { chmod, readFile, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { constants, createZstdCompress, zstdDecompressSync } from "node:zlib";
import { afterAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { entriesBelow, type LayerEntry, packLayer } from "../../../toolchain/images/layer.ts";
import { runs } from "../../support/property-runs.ts";
import { makeTemporary, readTar, removeTemporary, writeFiles } from "./support.ts";

afterAll(removeTemporary);

const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function pack(entries: readonly LayerEntry[]) {
  const file = join(await makeTemporary(), "layer.tar.zst");
  return await packLayer(entries, file);
}

/** Tells of the end when everything before it is compressed. */
async function compressCalmly(plain: Buffer): Promise<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: 9, [constants.ZSTD_c_checksumFlag]: 1 };
  const compress = createZstdCompress({ params });
  const all = buffer(compress);
  await new Promise((resolve) => compress.write(plain, resolve));
  compress.end();
  return await all;
}

describe("packLayer", () => {
  test("describes the bytes that it wrote", async () => {
    const layer = await pack([{ kind: "file", path: "/app/main.mjs", content: "1" }]);
    const bytes = await readFile(layer.file);
    expect(layer).toEqual({
      mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
      digest: sha256(bytes),
      size: bytes.length,
      diffId: "sha256:26b9d1506a381484a79a5029e9805082c5c48caaba80ffdb57627c44ffc7623a",
      file: layer.file,
    });
  });

  test("writes sorted entries of root from 1970, with their parents and fixed modes", async () => {
    const source = join(await makeTemporary(), "program");
    await writeFiles(join(source, ".."), { program: "x" });
    const layer = await pack([
      { kind: "link", path: "/usr/bin/b", target: "a" },
      { kind: "copy", path: "/usr/bin/a", source, isExecutable: true },
      { kind: "file", path: "/etc/motd", content: "hi" },
      { kind: "directory", path: "/tmp", mode: 0o1777 },
    ]);
    const entries = await readTar(layer.file);
    expect(
      entries.map(({ header, content }) => [
        header.name,
        header.type,
        header.mode.toString(8),
        header.type === "symlink" ? header.linkname : content.toString(),
      ]),
    ).toEqual([
      ["etc/", "directory", "755", ""],
      ["etc/motd", "file", "644", "hi"],
      ["tmp/", "directory", "1777", ""],
      ["usr/", "directory", "755", ""],
      ["usr/bin/", "directory", "755", ""],
      ["usr/bin/a", "file", "755", "x"],
      ["usr/bin/b", "symlink", "777", "a"],
    ]);
    for (const { header } of entries) {
      expect([header.uid, header.gid, header.mtime.getTime(), header.uname]).toEqual([0, 0, 0, ""]);
    }
  });

  test("gives the same digest in whatever order the entries come", async () => {
    const entries: LayerEntry[] = ["/a", "/b/c", "/b/d", "/e"].map((path) => ({
      kind: "file",
      path,
      content: path,
    }));
    const expected = (await pack(entries)).digest;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(entries, { minLength: entries.length }),
        async (shuffled) => (await pack(shuffled)).digest === expected,
      ),
      { numRuns: runs(10) },
    );
  });

  test.each([0, 1, 512, 70_000, 131_072, 1_000_000])(
    "gives the same digest for %i bytes that are at hand and that come in parts",
    async (size) => {
      const content = Buffer.from(Array.from({ length: size }, (_, at) => (at * at) % 251));
      const source = join(await makeTemporary(), "file");
      await writeFiles(join(source, ".."), { file: content });
      const parts = await pack([{ kind: "copy", path: "/a", source }]);
      const whole = await pack([{ kind: "file", path: "/a", content }]);
      const plain = zstdDecompressSync(await readFile(parts.file));
      expect(plain.length % 512).toBe(0);
      expect(whole.digest).toBe(parts.digest);
      // As a compressor writes it that nobody hurries.
      expect(sha256(await compressCalmly(plain))).toBe(parts.digest);
    },
  );

  test("refuses two entries of one path", async () => {
    const entry: LayerEntry = { kind: "file", path: "/etc/passwd", content: "" };
    await expect(pack([entry, entry])).rejects.toThrow(
      "layer: expected each path once, got /etc/passwd twice",
    );
  });

  test("fails with the file's name where a source is missing", async () => {
    const source = join(await makeTemporary(), "absent");
    await expect(pack([{ kind: "copy", path: "/a", source }])).rejects.toThrow(source);
  });
});

describe("entriesBelow", () => {
  test("knows links, programs and places, and nothing of times, owners and other modes", async () => {
    const root = await makeTemporary();
    await writeFiles(root, { "bin/tool": "x", "doc/readme": "y", skipped: "z" });
    await symlink("tool", join(root, "bin/alias"));
    await chmod(join(root, "bin/tool"), 0o700);
    await chmod(join(root, "doc/readme"), 0o600);
    await utimes(join(root, "doc/readme"), 1, 1);
    const entries = await entriesBelow(root, (path) =>
      path === "/skipped" ? undefined : `/opt${path}`,
    );
    const sorted = entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
    expect(sorted).toEqual([
      { kind: "link", path: "/opt/bin/alias", target: "tool" },
      { kind: "copy", path: "/opt/bin/tool", source: join(root, "bin/tool"), isExecutable: true },
      {
        kind: "copy",
        path: "/opt/doc/readme",
        source: join(root, "doc/readme"),
        isExecutable: false,
      },
    ]);
  });
});
