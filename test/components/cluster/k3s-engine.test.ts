/** `K3sCluster` with the real engine and the real Kubernetes, through its whole life. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { acquire } from "../../../toolchain/acquire.ts";
import { assembleClusterImages } from "../../../toolchain/images/cluster-images.ts";
import { createImageContext } from "../../../toolchain/images/context.ts";
import { findLeftovers, type MachineState, readMachineState } from "../../support/machine.ts";
import { createEngine, type Engine } from "../../support/pulumi.ts";

const COMPONENTS = join(import.meta.dirname, "../../../components");
const SUBNET = "198.19.203.0/24";
const folder = mkdtempSync(join(tmpdir(), "plonk-k3s-"));
const directory = join(folder, "c");

let engine: Engine;
let before: MachineState;

beforeAll(async () => {
  const [{ path, version }, airgapImages] = await Promise.all([
    acquire("k3s"),
    assembleClusterImages(createImageContext({ report: () => undefined }), {
      architecture: process.arch === "arm64" ? "arm64" : "amd64",
      getTool: (name, architecture) => acquire(name, { architecture }),
    }),
  ]);
  engine = await createEngine({ plugins: ["command", "kubernetes"] });
  before = readMachineState([folder, dirname(engine.directory)], [directory]);
  await engine.program(`
    import { K3sCluster } from ${JSON.stringify(join(COMPONENTS, "cluster/k3s-cluster.ts"))};
    const cluster = new K3sCluster("test203", {
      servers: [{
        connection: { local: true }, directory: ${JSON.stringify(directory)}, supervised: true,
      }],
      k3s: ${JSON.stringify({ path, version, airgapImages })},
      subnet: "${SUBNET}",
    });
    export const { kubeconfig, nodeAddress } = cluster;
  `);
}, 600_000);

afterAll(async () => {
  spawnSync("sh", [join(directory, "remove.sh")]);
  rmSync(folder, { recursive: true, force: true });
  await engine.remove();
});

function kubectl(...args: string[]): string {
  return execFileSync("sh", [join(directory, "kubectl.sh"), ...args], { encoding: "utf8" });
}

function processes(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => readProgram(entry).startsWith(`${directory}/`))
    .map(Number);
}

function readProgram(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    // A thread of the kernel, or a process that has just ended.
    return "";
  }
}

it("comes up ready, stays unchanged, comes back after kill -9, and goes without a trace", async () => {
  expect((await engine.preview()).changes["create"]).toBe(6);
  expect(existsSync(directory)).toBe(false);
  const up = await engine.up();
  expect({ code: up.code, output: up.code === 0 ? "" : up.output }).toEqual({
    code: 0,
    output: "",
  });
  expect(up.output).not.toContain("client-key-data");
  expect(await engine.state()).not.toContain("client-key-data");
  const outputs = await engine.outputs();
  expect(outputs["nodeAddress"]).toBe("198.19.203.11");
  expect(outputs["kubeconfig"]).toContain("server: https://198.19.203.11:6443");
  expect(kubectl("get", "nodes", "--no-headers")).toMatch(/^server +Ready /);
  // k3s applies its manifests a moment after the node is ready.
  const created = ["wait", "--for=create", "deployment/coredns", "--timeout=60s"];
  kubectl("-n", "kube-system", ...created);
  kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=60s");

  expect((await engine.preview()).changes).toEqual({ same: 6 });
  expect((await engine.refresh()).changes).toEqual({ same: 6 });

  const supervisor = Number(
    execFileSync("cut", ["-d ", "-f1", join(directory, "supervisor.pid")], { encoding: "utf8" }),
  );
  // Some end by themselves as soon as their parent is gone, which `kill` complains about.
  spawnSync("kill", ["-KILL", ...[supervisor, ...processes()].map(String)]);
  const started = spawnSync("sh", [join(directory, "start.sh")], { encoding: "utf8" });
  expect(started).toMatchObject({
    status: 0,
    stdout: "cluster test203: was not running, starting it\n",
    stderr: "",
  });
  expect(kubectl("get", "nodes", "--no-headers")).toMatch(/^server +Ready /);
  expect((await engine.preview()).changes).toEqual({ same: 6 });

  const names = [directory, "test203", "plonk19-203", "198.19.203."];
  const destroyed = await engine.destroy();
  expect({ code: destroyed.code, output: destroyed.code === 0 ? "" : destroyed.output }).toEqual({
    code: 0,
    output: "",
  });
  expect(existsSync(directory)).toBe(false);
  const after = readMachineState([folder, dirname(engine.directory)], [directory]);
  const left = Object.values(findLeftovers(before, after)).flat();
  // Other clusters may come and go on this machine at the same time.
  expect(left.filter((item) => names.some((name) => item.includes(name)))).toEqual([]);
}, 240_000);
