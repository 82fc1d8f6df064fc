/** Plugins of the person's own go before Plonk's, and their home stays as it is. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { linkPlugins } from "../../../toolchain/cli/plugins.ts";

const NAME = "resource-kubernetes-v4.0.0";
let folder: string;
let theirs: string;
let ours: string;

function write(home: string, content: string): string {
  mkdirSync(join(home, "plugins", NAME), { recursive: true });
  const path = join(home, "plugins", NAME, "pulumi-resource-kubernetes");
  writeFileSync(path, content);
  return path;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plonk-plugins-"));
  [theirs, ours] = [join(folder, "theirs"), join(folder, "ours")];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("shows theirs in place of ours, again and again", async () => {
  const path = write(ours, "ours");
  write(theirs, "theirs");
  writeFileSync(join(theirs, "plugins", `${NAME}.lock`), "");
  await linkPlugins(theirs, ours);
  await linkPlugins(theirs, ours);
  expect(readFileSync(path, "utf8")).toBe("theirs");
  expect(readdirSync(join(ours, "plugins"))).toEqual([NAME]);
});

it("forgets theirs, and deletes nothing of it, when the person uses another home", async () => {
  const path = write(theirs, "theirs");
  await linkPlugins(theirs, ours);
  await linkPlugins(undefined, ours);
  expect(readdirSync(join(ours, "plugins"))).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe("theirs");
});

it("leaves its own plugins alone where the home is its own", async () => {
  const path = write(ours, "ours");
  await linkPlugins(`${ours}/`, ours);
  expect(readFileSync(path, "utf8")).toBe("ours");
});
