/** How the recipe of Pulumi's Kubernetes plugin prepares its sources; `go` is made up. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { acquireTool } from "../../../toolchain/acquire/acquire-tool.ts";
import { createSession } from "../../../toolchain/acquire/session.ts";
import { catalogue } from "../../../toolchain/catalogue.ts";
import { Folders, recordProgress } from "../../toolchain/acquire/support/fixtures.ts";
import { findTool } from "../../toolchain/acquire/support/vendors.ts";

const NAME = "pulumi-resource-kubernetes";
const folders = new Folders();
const sdk = readSdkVersion();

let bin: string;
let cacheDir: string;

async function readSdkVersion(): Promise<string> {
  const path = join(import.meta.dirname, "../../../node_modules/@pulumi/kubernetes/package.json");
  return (JSON.parse(await readFile(path, "utf8")) as { version: string }).version;
}

beforeAll(async () => {
  [bin, cacheDir] = await Promise.all([folders.create(), folders.create()]);
  const provider = join(bin, "provider");
  const embedded = join(provider, "cmd/pulumi-resource-kubernetes");
  await mkdir(embedded, { recursive: true });
  await writeFile(join(embedded, "schema.json"), '{\n  "name": "kubernetes",\n  "x": [1, 2]\n}\n');
  await writeFile(join(embedded, "terraform-mapping.json"), '{\n  "y": {}\n}\n');
  // Has the module, and builds a program that says what it was made of.
  await writeFile(
    join(bin, "go"),
    `#!/bin/sh
case "$1" in
env) echo go1.99.0 ;;
mod) echo '{"Dir": "${provider}"}' ;;
build)
  while [ "$1" != -ldflags ]; do shift; done
  flags="$2"
  while [ "$1" != -o ]; do shift; done
  { echo "$flags"; cat schema.json; echo; cat terraform-mapping.json; echo; ls; } > "$2"
  chmod 755 "$2" ;;
esac
`,
    { mode: 0o755 },
  );
});

afterAll(() => folders.remove());

test("it has the version that the SDK asks for, on every network", async () => {
  const { release, source } = findTool(NAME);
  expect([release?.version, source?.version]).toEqual([await sdk, await sdk]);
});

test("it embeds the module's schema with the version, compact, and leaves the tree alone", async () => {
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    PLONK_MIRROR: "http://127.0.0.1:9",
    PULUMI_HOME: join(cacheDir, "pulumi-home"),
  };
  const options = { env, cacheDir, progress: recordProgress(), architecture: "amd64" as const };
  const tool = await acquireTool(NAME, createSession(catalogue, options));
  const version = await sdk;
  expect((await readFile(tool.path, "utf8")).trim().split("\n")).toEqual([
    `-s -w -X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=${version}`,
    `{"name":"kubernetes","x":[1,2],"version":"${version}"}`,
    '{"y":{}}',
    "go.mod",
    "go.sum",
    "main.go",
    "schema.json",
    "terraform-mapping.json",
  ]);
});
