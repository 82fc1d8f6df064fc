/** Plugins of the person's own go before Plonk's, and their home stays as it is. */
import { execFileSync } from "node:child_process";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { linkPlugins } from "../../cli/plugins.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { sealEntry } from "../../toolchain/cache-entry.ts";

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

it("stays where it is for commands side by side, whose engines look for it", async () => {
  const path = write(ours, "ours");
  write(theirs, "theirs");
  await Promise.all(Array.from({ length: 4 }, () => linkPlugins(theirs, ours)));
  expect(readFileSync(path, "utf8")).toBe("theirs");
  writeFileSync(join(theirs, "plugins", NAME, "more"), "");
  await linkPlugins(theirs, ours);
  expect(readdirSync(join(ours, "plugins", NAME)).sort()).toEqual([
    "more",
    "pulumi-resource-kubernetes",
  ]);
  const { ino } = lstatSync(path);
  await linkPlugins(theirs, ours);
  expect(lstatSync(path).ino).toBe(ino);
  expect(readdirSync(ours)).toEqual(["plugins"]);
});

it("forgets theirs, and deletes nothing of it, when the person uses another home", async () => {
  const path = write(theirs, "theirs");
  await linkPlugins(theirs, ours);
  await linkPlugins(undefined, ours);
  expect(readdirSync(join(ours, "plugins"))).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe("theirs");
});

it("removes a link to a folder, which earlier versions made, and nothing behind it", async () => {
  const path = write(theirs, "theirs");
  mkdirSync(join(ours, "plugins"), { recursive: true });
  symlinkSync(join(theirs, "plugins", NAME), join(ours, "plugins", NAME));
  await linkPlugins(undefined, ours);
  expect(readdirSync(join(ours, "plugins"))).toEqual([]);
  expect(readFileSync(path, "utf8")).toBe("theirs");
});

it("shows them so that Pulumi finds them", async () => {
  write(theirs, "theirs");
  await linkPlugins(theirs, ours);
  const { path } = await acquire("pulumi");
  const env = { PATH: "", HOME: folder, PULUMI_HOME: ours, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const listed = execFileSync(path, ["plugin", "ls", "--json"], { env, encoding: "utf8" });
  expect(JSON.parse(listed)).toMatchObject([
    { name: "kubernetes", kind: "resource", version: "4.0.0" },
  ]);
});

it("passes over what is being installed, and what Plonk has put into another home", async () => {
  write(theirs, "half of it");
  writeFileSync(join(theirs, "plugins", `${NAME}.partial`), "");
  await linkPlugins(theirs, ours);
  expect(readdirSync(join(ours, "plugins"))).toEqual([]);
  rmSync(join(theirs, "plugins", `${NAME}.partial`));
  await sealEntry(join(theirs, "plugins", NAME), {
    name: "pulumi-resource-kubernetes",
    version: "4.0.0",
    platform: "linux-amd64",
    source: "source",
    inputs: "",
  });
  await linkPlugins(theirs, ours);
  expect(readdirSync(join(ours, "plugins"))).toEqual([]);
});

it("leaves its own plugins alone where the home is its own", async () => {
  const path = write(ours, "ours");
  await linkPlugins(`${ours}/`, ours);
  expect(readFileSync(path, "utf8")).toBe("ours");
});
