/**
 * Three stacks, as three teams have them: a cluster, the platform on it, functions on that. The
 * programs are those in `examples/three-stacks`, in a fresh clone.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { resolveArtifacts } from "../../toolchain/artifacts.ts";
import { makeClusterFolder } from "../support/cluster-folder.ts";
import { createHome, type Engine, openProject, type RunResult } from "../support/pulumi.ts";

const minute = 60_000;
const NAME = "three";
const SUBNET = "198.18.84.0/24";
const root = dirname(dirname(import.meta.dirname));
const folder = makeClusterFolder("three");
const directory = join(folder, "c");
const clone = join(folder, "plonk");

/** What `kind load image-archive` runs on each of its nodes: the way to nodes of another stack. */
const IMAGE_COMMAND = [
  `pid=$(cut -d" " -f1 ${directory}/k3s.pid);`,
  "nsenter --mount=/proc/$pid/ns/mnt --",
  `env K3S_DATA_DIR=${directory}/data ${directory}/bin/k3s ctr --namespace=k8s.io images import`,
  '--all-platforms --digests --snapshotter=overlayfs - < "$ARCHIVE"',
].join(" ");

let home = "";
const stacks: Partial<Record<string, Engine>> = {};

/** What a run printed, unless it went well. */
function problem({ code, output }: RunResult): string {
  return code === 0 ? "" : output.slice(-4000);
}

interface Settings {
  plain?: Record<string, string>;
  secret?: Record<string, string>;
}

async function open(project: string, { plain = {}, secret = {} }: Settings): Promise<Engine> {
  const example = join(clone, "examples/three-stacks", project);
  const engine = await openProject({ home, directory: example, project });
  stacks[project] = engine;
  const set = async (args: string[]): Promise<void> => {
    const { code, output } = await engine.pulumi(["config", "set", ...args]);
    expect({ code, output }).toMatchObject({ code: 0 });
  };
  for (const [key, value] of Object.entries(plain)) {
    await set(["--plaintext", key, "--", value]);
  }
  for (const [key, value] of Object.entries(secret)) {
    await set(["--secret", key, "--", value]);
  }
  return engine;
}

function stack(project: string): Engine {
  const engine = stacks[project];
  if (engine === undefined) {
    throw new Error(`${project}: expected a stack, got none`);
  }
  return engine;
}

beforeAll(async () => {
  execFileSync("git", ["clone", "--quiet", root, clone]);
  symlinkSync(join(root, "node_modules"), join(clone, "node_modules"));
  home = await createHome(["command", "kubernetes"]);
}, minute);

afterAll(() => {
  spawnSync("sh", [join(directory, "remove.sh")]);
  rmSync(folder, { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
}, minute);

describe("three stacks", () => {
  it(
    "come up one after the other, each with the outputs of the one before",
    async () => {
      const { k3s, images } = await resolveArtifacts();
      const plain = { name: NAME, subnet: SUBNET, directory, k3s: JSON.stringify(k3s) };
      const cluster = await open("cluster", { plain });
      expect(problem(await cluster.up())).toBe("");

      const platform = await open("platform", {
        plain: {
          clusterStack: "organization/cluster/test",
          imageCommand: IMAGE_COMMAND,
          images: JSON.stringify(images),
        },
        secret: { adminPassword: "admin-password" },
      });
      expect(problem(await platform.up())).toBe("");

      const functions = await open("functions", {
        plain: { platformStack: "organization/platform/test" },
        secret: { word: "good morning" },
      });
      expect(problem(await functions.up())).toBe("");
      const { url } = await functions.outputs();
      expect(url).toBe("http://198.18.84.11:31112/function/greeter");
      const answer = await fetch(String(url), { method: "POST", body: "Ann" });
      expect([answer.status, await answer.text()]).toEqual([200, "good morning Ann"]);
    },
    10 * minute,
  );

  it(
    "stay unchanged, and keep their secrets",
    async () => {
      for (const project of ["cluster", "platform", "functions"]) {
        const { changes, output } = await stack(project).preview();
        expect({ project, changes, output }).toMatchObject({
          changes: { same: expect.any(Number) as unknown },
        });
        expect(Object.keys(changes)).toEqual(["same"]);
        const state = await stack(project).state();
        expect(state).not.toMatch(/client-key-data|good morning|admin-password/);
      }
    },
    3 * minute,
  );

  it(
    "go by themselves: the functions' leaves the platform as it is",
    async () => {
      const { url } = await stack("functions").outputs();
      expect(problem(await stack("functions").destroy())).toBe("");
      expect((await fetch(String(url))).status).toBe(404);
      const { changes } = await stack("platform").preview();
      expect(Object.keys(changes)).toEqual(["same"]);
    },
    5 * minute,
  );
});
