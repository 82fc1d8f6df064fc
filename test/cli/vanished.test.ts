/** What `up` does about clusters that the state knows and this machine does not. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { type LocalStack, readState } from "../../cli/local-stack.ts";
import { forgetVanishedClusters } from "../../cli/vanished.ts";

const URN = "urn:pulumi:local::plonk::plonk:index:K3sCluster::local";
let home: string;
let said: string[];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "plonk-vanished-"));
  said = [];
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

/** What was run of a Pulumi that prints this state. */
async function run(...resources: object[]): Promise<string> {
  const state = join(home, "state.json");
  writeFileSync(state, JSON.stringify({ deployment: { resources } }));
  const pulumi = join(home, "pulumi");
  const script = `#!/bin/sh\necho "$*" >> ${home}/run\n[ "$1" != stack ] || cat ${state}\n`;
  writeFileSync(pulumi, script, { mode: 0o755 });
  const stack = { name: "local", project: home, home, pulumi, env: process.env } as LocalStack;
  await forgetVanishedClusters(stack, await readState(stack), (line) => said.push(line));
  return readFileSync(join(home, "run"), "utf8");
}

const CLUSTER = { type: "plonk:index:K3sCluster", urn: URN };
const PROVIDER = { type: "pulumi:providers:kubernetes", urn: "urn:provider", parent: URN };
const EXPORT = "stack export --stack local\n";

function node(directory: string): object {
  const stdin = `#!/bin/sh\n\nCLUSTER='local'\nDIR='${directory}'\n`;
  return { type: "command:local:Command", urn: "urn:node", parent: URN, inputs: { stdin } };
}

it("destroys a cluster that is gone, and what was on it", async () => {
  const directory = join(home, "clusters/local");
  expect(await run(CLUSTER, node(directory), PROVIDER)).toBe(
    `${EXPORT}destroy --stack local --yes --skip-preview --target ${URN} --target-dependents\n`,
  );
  expect(said).toEqual([
    `found no cluster in ${directory}; it is created again, with everything on it`,
  ]);
});

it("leaves one that is there", async () => {
  const directory = join(home, "clusters/local");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "uid"), "uid-1");
  expect(await run(CLUSTER, node(directory), PROVIDER)).toBe(EXPORT);
});

it("leaves one that was never ready, and stacks without a cluster", async () => {
  expect(await run(CLUSTER, node(join(home, "clusters/local")))).toBe(EXPORT);
  expect(await run({ type: "pulumi:pulumi:Stack", urn: "urn:stack" })).toBe(EXPORT + EXPORT);
  expect(said).toEqual([]);
});
