/** Services become one file, made anew only when an input has changed. */
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { bundleService } from "../../../toolchain/images/bundle.ts";
import type { ImageContext } from "../../../toolchain/images/context.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import {
  makeContext,
  makeServices,
  makeTemporary,
  removeTemporary,
  writeFiles,
} from "./support.ts";

afterAll(removeTemporary);

let context: ImageContext;
let packageRoot = "";

beforeEach(async () => {
  ({ context } = await makeContext());
  packageRoot = await makeServices();
});

const bundle = () => bundleService(context, { name: "runtime", packageRoot });

describe("bundleService", () => {
  test("gives one file without imports of others, which Node accepts", async () => {
    const { file } = await bundle();
    const code = await readFile(file, "utf8");
    expect([...code.matchAll(/from"([^"]+)"/g)].map((match) => match[1])).toEqual(["node:http"]);
    expect(await runCommand(process.execPath, ["--check", file])).toBe("");
  });

  test("gives CommonJS dependencies their require, __dirname and __filename", async () => {
    await writeFiles(packageRoot, {
      "node_modules/old/index.js":
        "const os = require('os'); exports.seen = [typeof os.cpus, __dirname, __filename];",
      "node_modules/old/package.json": '{"name":"old","main":"index.js"}',
      "services/watchdog/main.ts": 'import old from "old"; console.log(JSON.stringify(old.seen));',
    });
    const { file } = await bundle();
    const output = await runCommand(process.execPath, [file]);
    expect(JSON.parse(output)).toEqual(["function", join(file, ".."), file]);
  });

  test("puts the revision of the package in", async () => {
    await writeFiles(packageRoot, {
      "services/watchdog/main.ts":
        "declare const PLONK_REVISION: string | undefined; console.log(typeof PLONK_REVISION, PLONK_REVISION);",
    });
    const run = async () => await runCommand(process.execPath, [(await bundle()).file]);
    expect(await run()).toBe("string unknown\n");
    const other = await makeServices();
    await writeFiles(other, {
      "package.json": '{"name":"plonk","revision":"0123abc"}',
      "services/watchdog/main.ts":
        "declare const PLONK_REVISION: string | undefined; console.log(typeof PLONK_REVISION, PLONK_REVISION);",
    });
    packageRoot = other;
    expect(await run()).toBe("string 0123abc\n");
  });

  test("gives the same bytes in another folder and another cache", async () => {
    const first = await bundle();
    const other = await makeContext();
    const second = await bundleService(other.context, {
      name: "runtime",
      packageRoot: await makeServices(),
    });
    expect(second.hash).toBe(first.hash);
    expect(await readFile(second.file)).toEqual(await readFile(first.file));
  });

  test("leaves the bundle alone while no input changes", async () => {
    const first = await bundle();
    const { mtimeMs } = await stat(first.file);
    expect(await bundle()).toEqual(first);
    expect((await stat(first.file)).mtimeMs).toBe(mtimeMs);
  });

  test("notices a change in a file that the entry point imports", async () => {
    const first = await bundle();
    const greet = "export const greet = (): string => 'changed';";
    await writeFile(join(packageRoot, "services/watchdog/greet.ts"), greet);
    const second = await bundle();
    expect(second.hash).not.toBe(first.hash);
    expect(await readFile(second.file, "utf8")).toContain('"changed"');
  });

  test("notices that dependencies were installed anew", async () => {
    const first = await bundle();
    await writeFile(join(packageRoot, "package-lock.json"), "{}");
    await rm(join(context.images, "inputs"), { recursive: true });
    expect((await bundle()).hash).toBe(first.hash);
  });

  test("bundles again when the bundle itself is gone", async () => {
    const first = await bundle();
    await rm(join(first.file, ".."), { recursive: true });
    expect(await bundle()).toEqual(first);
    expect((await stat(first.file)).isFile()).toBe(true);
  });

  test("names file and line of what does not compile", async () => {
    await writeFile(join(packageRoot, "services/watchdog/greet.ts"), "export const = 1;");
    await expect(bundle()).rejects.toThrow(/services\/watchdog\/greet\.ts:1:13: ERROR/);
  });

  test("names the files that a service without an entry point should have", async () => {
    const empty = await makeTemporary();
    await expect(bundleService(context, { name: "runtime", packageRoot: empty })).rejects.toThrow(
      `runtime: expected services/watchdog/main.ts or services/watchdog/main.mjs in ${empty}, got neither`,
    );
  });

  test("takes the bundle of an installed package as it is", async () => {
    const { file, hash } = await bundle();
    const installed = await makeTemporary();
    const code = await readFile(file, "utf8");
    await writeFiles(installed, { "services/watchdog/main.mjs": code });
    expect(await bundleService(context, { name: "runtime", packageRoot: installed })).toEqual({
      file: join(installed, "services/watchdog/main.mjs"),
      hash,
    });
  });
});
