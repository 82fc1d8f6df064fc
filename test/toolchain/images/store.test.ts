/** Entries of the image cache: made once, whole, and made again when damaged. */
import { mkdir, readdir, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { entryName, findOrBuild } from "../../../toolchain/images/store.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { makeTemporary, removeTemporary } from "./support.ts";

afterAll(removeTemporary);

const MANIFEST = "plonk-tool.json";

let root = "";
let builds = 0;

beforeEach(async () => {
  root = await makeTemporary();
  builds = 0;
});

async function find(inputs: unknown, name = "thing") {
  return await findOrBuild({
    root,
    name,
    inputs,
    build: async (directory) => {
      builds += 1;
      await mkdir(join(directory, "deep"));
      await writeFile(join(directory, "deep/file"), "12345");
      // As in trees of Debian's packages.
      await symlink("nowhere", join(directory, "deep/link"));
      return { number: builds };
    },
  });
}

async function visible(): Promise<string[]> {
  return (await readdir(root)).filter((file) => !file.startsWith(".")).sort();
}

describe("findOrBuild", () => {
  test("builds once for the same inputs", async () => {
    const first = await find({ a: 1 });
    expect(await find({ a: 1 })).toEqual(first);
    expect(first).toEqual({
      directory: join(root, entryName("thing", { a: 1 })),
      value: { number: 1 },
    });
    expect(await readdir(first.directory)).toEqual([
      ".plonk-verified.json",
      "deep",
      "plonk-tool.json",
    ]);
    expect(builds).toBe(1);
  });

  test("builds once when many processes ask at the same time", async () => {
    const store = fileURLToPath(new URL("../../../toolchain/images/store.ts", import.meta.url));
    const script = `
      import { findOrBuild } from ${JSON.stringify(store)};
      import { setTimeout } from "node:timers/promises";
      const build = () => setTimeout(100, process.pid);
      const request = { root: ${JSON.stringify(root)}, name: "thing", inputs: 1, build };
      console.log((await findOrBuild(request)).value);`;
    const args = ["--input-type=module", "--eval", script];
    const builders = await Promise.all(
      Array.from({ length: 4 }, () => runCommand(process.execPath, args)),
    );
    expect(builders[0]).toMatch(/^[0-9]+\n$/);
    expect(new Set(builders).size).toBe(1);
  });

  test("builds again when the inputs differ", async () => {
    expect((await find(1)).value).toEqual({ number: 1 });
    expect((await find(2)).value).toEqual({ number: 2 });
  });

  test.each([
    ["a truncated file", (directory: string) => truncate(join(directory, "deep/file"), 3)],
    ["other bytes", (directory: string) => writeFile(join(directory, "deep/file"), "54321")],
    [
      "another link",
      async (directory: string) => {
        await rm(join(directory, "deep/link"));
        await symlink("elsewhere", join(directory, "deep/link"));
      },
    ],
    ["a broken manifest", (directory: string) => writeFile(join(directory, MANIFEST), "{")],
  ])("replaces an entry with %s", async (_what, damage) => {
    const { directory } = await find("x");
    await damage(directory);
    expect(await find("x")).toEqual({ directory, value: { number: 2 } });
    expect(await find("x")).toEqual({ directory, value: { number: 2 } });
  });

  test("leaves nothing of a build that failed, and builds the next time", async () => {
    const failing = findOrBuild({
      root,
      name: "thing",
      inputs: "x",
      build: async (directory) => {
        await writeFile(join(directory, "half"), "");
        throw new Error("no more");
      },
    });
    await expect(failing).rejects.toThrow("no more");
    expect(await readdir(root)).toEqual([".locks"]);
    expect((await find("x")).value).toEqual({ number: 1 });
  });

  test("keeps the three entries of a name that were used last", async () => {
    for (const inputs of [1, 2, 3]) {
      const { directory } = await find(inputs);
      await utimes(directory, inputs, inputs);
    }
    await find("other", "thing-b");
    await find(1);
    const { directory: newest } = await find(4);
    expect(await visible()).toEqual(
      [
        ...[1, 3].map((inputs) => entryName("thing", inputs)),
        newest.slice(root.length + 1),
        entryName("thing-b", "other"),
      ].sort(),
    );
  });

  test("removes what a killed process left behind an hour ago, not what is being made", async () => {
    await mkdir(join(root, ".thing-1-old"));
    await mkdir(join(root, ".thing-1-new"));
    await utimes(join(root, ".thing-1-old"), 1, 1);
    await find("x");
    const hidden = (await readdir(root)).filter((file) => file.startsWith("."));
    expect(hidden.sort()).toEqual([".locks", ".thing-1-new"]);
  });

  test("builds nothing once the person has stopped the command", async () => {
    const request = { root, name: "thing", inputs: 1, build: () => Promise.resolve(1) };
    await expect(findOrBuild({ ...request, signal: AbortSignal.abort() })).rejects.toThrow("abort");
    expect(await findOrBuild(request)).toMatchObject({ value: 1 });
  });
});
