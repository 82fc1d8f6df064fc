/** What Go leaves between builds. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { removeCompilerCache } from "../../../standins/from-source/recipes/go.ts";
import { cacheLayout } from "../../../toolchain/directories.ts";

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

it("stays while another process builds", async () => {
  const other = spawn("cat");
  await once(other, "spawn");
  const { locks } = cacheLayout(cache);
  mkdirSync(locks);
  const stat = readFileSync(`/proc/${other.pid ?? 0}/stat`, "utf8");
  const startTime = stat.split(") ")[1]?.split(" ")[19];
  const owner = JSON.stringify({ pid: other.pid, startTime, nonce: "" });
  writeFileSync(join(locks, "go-build.lock"), owner);
  await removeCompilerCache(cache);
  other.kill();
  expect(existsSync(join(cache, "go/build/file"))).toBe(true);
});
