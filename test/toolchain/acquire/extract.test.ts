/** Archives, well meant and other. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  extractArchive,
  type ExtractOptions,
  toEntryPath,
} from "../../../toolchain/acquire/extract.ts";
import { type Entry, Folders, makeArchive } from "./support/fixtures.ts";

const folders = new Folders();
let root: string;

beforeEach(async () => {
  root = await folders.create();
});
afterAll(() => folders.remove());

async function unpack(
  entries: readonly Entry[] | Buffer,
  options: ExtractOptions = { strip: 0 },
): Promise<string> {
  const archive = join(root, "archive.tar.gz");
  const bytes = Buffer.isBuffer(entries) ? entries : await makeArchive(entries);
  await writeFile(archive, bytes);
  const destination = join(root, "inside");
  await extractArchive(archive, destination, options);
  return destination;
}

describe("an archive", () => {
  test("is unpacked with its folders, and with nothing of its modes but who may run it", async () => {
    const inside = await unpack([
      { name: "a/", type: "directory" },
      { name: "a/program", content: "1", mode: 0o4777 },
      { name: "./a/b/text", content: "2", mode: 0o600 },
    ]);
    expect(await readFile(join(inside, "a/b/text"), "utf8")).toBe("2");
    expect((await stat(join(inside, "a/program"))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(inside, "a/b/text"))).mode & 0o7777).toBe(0o644);
  });

  test("loses leading folders, and what is not wanted", async () => {
    const entries = ["v1/tool", "v1/other", "v1/doc/tool", "tool"].map((name) => ({ name }));
    const inside = await unpack(entries, { strip: 1, only: ["tool"] });
    expect(await readdir(inside, { recursive: true })).toEqual(["tool"]);
  });

  test("without a wanted file is refused", async () => {
    await expect(unpack([{ name: "x" }], { strip: 0, only: ["tool"] })).rejects.toMatchObject({
      code: "archive",
      message: "archive: expected tool in it, got nothing there",
    });
  });

  test.each(["../evil", "a/../../evil", "/etc/evil", "a/.."])(
    "with the path %s is refused and writes nothing outside",
    async (name) => {
      await expect(unpack([{ name, content: "x" }])).rejects.toMatchObject({
        code: "archive",
        message: `archive: expected paths inside of it, got "${name}"`,
      });
      expect((await readdir(root)).filter((path) => path === "evil")).toEqual([]);
    },
  );

  test.each(["symlink", "link"] as const)("with a %s is refused", async (type) => {
    const entries: Entry[] = [{ name: "out", type, linkname: "/etc" }, { name: "out/passwd" }];
    await expect(unpack(entries)).rejects.toThrow(
      `archive: expected plain files of a reasonable size, got ${type} out`,
    );
  });

  test("that ends too early is refused", async () => {
    const whole = await makeArchive([{ name: "tool", content: Buffer.alloc(100_000, "abc") }]);
    const half = whole.subarray(0, whole.length / 2);
    await expect(unpack(half)).rejects.toMatchObject({
      code: "archive",
      message: expect.stringMatching(/^archive: expected a whole tar\.gz, got /),
    });
  });

  test("that is a web page is refused", async () => {
    await expect(unpack(Buffer.from("<html></html>"))).rejects.toMatchObject({ code: "archive" });
  });

  test("that names a file twice is refused", async () => {
    await expect(unpack([{ name: "tool" }, { name: "./tool" }])).rejects.toMatchObject({
      code: "archive",
    });
  });

  test("never gets a path that leaves its folder", () => {
    const part = fc.constantFrom("..", ".", "", "a", "b.c", "...", "..a");
    fc.assert(
      fc.property(fc.array(part), fc.nat(3), fc.boolean(), (parts, strip, isAbsolute) => {
        const name = (isAbsolute ? "/" : "") + parts.join("/");
        let path: string | undefined;
        try {
          path = toEntryPath(name, strip);
        } catch {
          return;
        }
        expect(parts).not.toContain("..");
        expect(join("/root", path ?? "x").startsWith("/root/")).toBe(true);
      }),
    );
  });
});
