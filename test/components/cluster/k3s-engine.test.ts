/** `K3sCluster` with the real engine and the real Kubernetes, through its whole life. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { makeClusterFolder } from "../../support/cluster-folder.ts";
import { acquireK3s } from "../../support/k3s.ts";
import { findLeftovers, type MachineState, readMachineState } from "../../support/machine.ts";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";
import { until } from "../../support/until.ts";
import { isAlive } from "./node.ts";

const COMPONENTS = join(import.meta.dirname, "../../../components");
const SUBNETS = ["198.19.207.0/24", "198.19.208.0/24"] as const;
const folder = makeClusterFolder("k3s");
const directory = join(folder, "c");

let engine: Engine;
let before: MachineState;
let k3s: object;

/** A cluster, and an object on it. */
async function declare(subnet: string): Promise<void> {
  await engine.program(`
    import * as k8s from "@pulumi/kubernetes";
    import { K3sCluster } from ${JSON.stringify(join(COMPONENTS, "cluster/k3s-cluster.ts"))};
    const cluster = new K3sCluster("test207", {
      servers: [{
        connection: { local: true }, directory: ${JSON.stringify(directory)}, supervised: true,
      }],
      k3s: ${JSON.stringify(k3s)},
      subnet: "${subnet}",
    });
    const { provider, deletedWith } = cluster;
    new k8s.core.v1.ConfigMap("note", { metadata: { name: "note" } }, { provider, deletedWith });
    export const { kubeconfig, nodeAddress } = cluster;
  `);
}

beforeAll(async () => {
  k3s = await acquireK3s();
  engine = await createEngine({ plugins: ["command", "kubernetes"] });
  before = readMachineState([folder, dirname(engine.directory)], [directory]);
  await declare(SUBNETS[0]);
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

/** What a run printed, unless it went well. */
function problem({ code, output }: RunResult): string {
  return code === 0 ? "" : output;
}

it("comes up ready and stays unchanged", async () => {
  expect((await engine.preview()).changes["create"]).toBe(7);
  expect(existsSync(directory)).toBe(false);
  const up = await engine.up();
  expect(problem(up)).toBe("");
  expect(up.output).not.toContain("client-key-data");
  expect(await engine.state()).not.toContain("client-key-data");
  const outputs = await engine.outputs();
  expect(outputs["nodeAddress"]).toBe("198.19.207.11");
  expect(outputs["kubeconfig"]).toContain("server: https://198.19.207.11:6443");
  expect(kubectl("get", "nodes", "--no-headers")).toMatch(/^server +Ready /);
  // One server keeps its state in SQLite, not in etcd.
  expect(readdirSync(join(directory, "data/server/db"))).toContain("state.db");
  // k3s applies its manifests a moment after the node is ready.
  const created = ["wait", "--for=create", "deployment/coredns", "--timeout=240s"];
  kubectl("-n", "kube-system", ...created);
  kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=240s");

  expect((await engine.preview()).changes).toEqual({ same: 7 });
  expect((await engine.refresh()).changes).toEqual({ same: 7 });
}, 600_000);

it("comes back after kill -9", async () => {
  const supervisor = Number(
    execFileSync("cut", ["-d ", "-f1", join(directory, "supervisor.pid")], { encoding: "utf8" }),
  );
  // Some end by themselves as soon as their parent is gone, which `kill` complains about.
  spawnSync("kill", ["-KILL", ...[supervisor, ...processes()].map(String)]);
  await until("its end", () => !isAlive(supervisor));
  const started = spawnSync("sh", [join(directory, "start.sh")], { encoding: "utf8" });
  expect(started).toMatchObject({
    status: 0,
    stdout: "cluster test207: was not running, starting it\n",
    stderr: "",
  });
  expect(kubectl("get", "nodes", "--no-headers")).toMatch(/^server +Ready /);
  expect((await engine.preview()).changes).toEqual({ same: 7 });
}, 600_000);

it("is missed when it is another one, and before anything on it is changed", async () => {
  const uid = join(directory, "uid");
  const own = readFileSync(uid, "utf8");
  writeFileSync(uid, "another\n");
  const message =
    `${directory}: expected the cluster with the UID ${own.trim()} of kube-system, ` +
    "found another. If it is lost, pulumi destroy --target";
  const preview = await engine.preview();
  expect(preview.changes).toEqual({ same: 7 });
  expect(preview.output).toContain(`warning: ${message}`);
  const up = await engine.up();
  expect(up.code).not.toBe(0);
  expect(up.output).toContain(`error: ${message}`);
  expect(up.output).not.toContain("error serializing property");
  writeFileSync(uid, own);
});

it("is replaced with all that is on it when what it is changes", async () => {
  await declare(SUBNETS[1]);
  const preview = await engine.preview();
  const replaced = ["test207-server", "test207-server-install", "test207-server-start"];
  expect(preview.steps.filter(({ op }) => op === "replace").map(({ name }) => name)).toEqual(
    expect.arrayContaining([...replaced, "test207", "note"]),
  );
  expect(problem(await engine.up())).toBe("");
  expect(execFileSync("ip", ["-o", "link"], { encoding: "utf8" })).not.toContain("plonk19-207");
  expect((await engine.outputs())["nodeAddress"]).toBe("198.19.208.11");
  expect(kubectl("get", "configmap", "note", "-o", "name")).toBe("configmap/note\n");
  expect((await engine.preview()).changes).toEqual({ same: 7 });
}, 600_000);

it("goes without a trace", async () => {
  const names = [directory, "test207", "plonk19-20", "198.19.207.", "198.19.208."];
  expect(problem(await engine.destroy())).toBe("");
  expect(existsSync(directory)).toBe(false);
  const after = readMachineState([folder, dirname(engine.directory)], [directory]);
  const left = Object.values(findLeftovers(before, after)).flat();
  // Other clusters may come and go on this machine at the same time.
  expect(left.filter((item) => names.some((name) => item.includes(name)))).toEqual([]);
}, 600_000);
