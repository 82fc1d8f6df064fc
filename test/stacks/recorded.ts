/**
 * States of the stack `local`, recorded by each release: what people have who install the next one.
 * `npm run exec node test/stacks/record-state.ts` records that of the version in package.json.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createEngine, type Engine } from "../support/pulumi.ts";

const RECORDED = join(import.meta.dirname, "recorded");

/** The same on every machine, as the cluster's directory in it is part of the state. */
export const HOME = "/var/tmp/plonk-recorded";

/** Beside the clusters of a person and of other tests. */
const SETTINGS = {
  "plonk:clusterName": "recorded",
  "plonk:subnet": "198.18.83.0/24",
  "plonk:egress": "none",
};

/** Versions of which there is a state. */
export function listRecorded(): string[] {
  return readdirSync(RECORDED)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length));
}

/** Path of the state of a version. */
export function toPath(version: string): string {
  return join(RECORDED, `${version}.json`);
}

/** An engine for the program of the repository, with a stack that has its settings and no state. */
export async function createProgramEngine(env: Record<string, string> = {}): Promise<Engine> {
  const engine = await createEngine({
    plugins: ["command", "kubernetes"],
    project: "plonk",
    stack: "recorded",
    env: { ...env, PLONK_HOME: HOME },
  });
  const program = import.meta.resolve("../../stacks/index.ts");
  await engine.program(`export { default } from ${JSON.stringify(program)};`);
  const set = async (...args: string[]): Promise<void> => {
    const { code, output } = await engine.pulumi(["config", "set", ...args]);
    if (code !== 0) {
      throw new Error(`pulumi config set: ${output}`);
    }
  };
  for (const [key, value] of Object.entries(SETTINGS)) {
    await set(key, value);
  }
  await set("--secret", "plonk:adminPassword", "of no stack that runs");
  return engine;
}
