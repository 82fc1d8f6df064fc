/** What Go leaves between builds. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { cacheLayout } from "../../../toolchain/directories.ts";
import { withLock } from "../../../toolchain/lock.ts";
import { removeCompilerCache } from "../../../toolchain/recipes/go.ts";

let cache: string;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "plonk-go-"));
  for (const folder of ["build", "mod"]) {
    mkdirSync(join(cache, "go", folder), { recursive: true });
    writeFileSync(join(cache, "go", folder, "file"), "");
  }
});

afterEach(() => rmSync(cache, { recursive: true }));

it("goes when all is built; the modules stay, which were downloaded", async () => {
  await removeCompilerCache(cache);
  expect(existsSync(join(cache, "go/build"))).toBe(false);
  expect(existsSync(join(cache, "go/mod/file"))).toBe(true);
  await removeCompilerCache(cache);
});

it("stays while somebody else builds", async () => {
  await withLock(join(cacheLayout(cache).locks, "go-build.lock"), () => removeCompilerCache(cache));
  expect(existsSync(join(cache, "go/build/file"))).toBe(true);
});
