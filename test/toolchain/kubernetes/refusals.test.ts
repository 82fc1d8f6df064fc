import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findK3s } from "./cluster.ts";

let k3s: string;
let directory: string;

beforeAll(async () => {
  k3s = await findK3s();
  directory = await mkdtemp(join(tmpdir(), "plonk-refusal-"));
}, 30 * 60_000);

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

interface Outcome {
  code: unknown;
  stdout: string;
  stderr: string;
}

function run(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(k3s, args, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
  });
}

async function serve(config: string): Promise<Outcome> {
  const path = join(directory, "config.yaml");
  await writeFile(path, `data-dir: ${join(directory, "data")}\nnode-ip: 198.18.7.11\n${config}`);
  return await run("server", "--config", path);
}

describe("the command line", () => {
  it("prints its version", async () => {
    const { code, stdout } = await run("--version");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^k3s version v1\.34\.\d+\+plonk\d/)]);
  });

  it("lists its commands", async () => {
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    for (const command of ["server", "kubectl", "ctr", "killall"]) {
      expect(stdout).toContain(`  ${command} `);
    }
  });

  it("refuses agent by name", async () => {
    expect(await run("agent", "--server", "https://198.18.7.11:6443")).toEqual({
      code: 1,
      stdout: "",
      stderr: "k3s: agent: joining further nodes is not supported by this build, only server is\n",
    });
  });

  it("refuses an unknown command and shows the usage for none", async () => {
    expect((await run("etcd-snapshot")).stderr).toBe(
      "k3s: etcd-snapshot: unknown command, see k3s --help\n",
    );
    expect((await run()).code).toBe(2);
  });

  it("refuses ctr where no node has run", async () => {
    const data = join(directory, "none");
    const { stderr } = await new Promise<Outcome>((resolve) => {
      const env = { ...process.env, K3S_DATA_DIR: data };
      execFile(k3s, ["ctr", "version"], { env }, (error, stdout, stderr) => {
        resolve({ code: error?.code, stdout, stderr });
      });
    });
    expect(stderr).toBe(`k3s: data-dir: ${data} has not run a node yet\n`);
  });

  it("has nothing to do for killall of a directory that never ran", async () => {
    expect(await run("killall", "--data-dir", join(directory, "none"))).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
  });
});

describe("a configuration", () => {
  it.each([
    ["datadir: /x", "datadir: unknown key"],
    ["node-taint: [a=b]", 'node-taint: expected key=value:effect, got "a=b"'],
    ["disable: [dns]", "disable: expected one of coredns, local-storage"],
    ["cluster-cidr: 10.43.0.0/16", "service-cidr: must not overlap cluster-cidr"],
    ["https-listen-port: 0", "https-listen-port: expected 1 to 65535, got 0"],
    ["flannel-backend: none", "flannel-backend: expected one of vxlan"],
    ["token: [a, b]", "token: expected one value, got a list"],
  ])("with %s is refused before anything is written", async (line, message) => {
    const { code, stderr } = await serve(line);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(existsSync(join(directory, "data"))).toBe(false);
  });

  it("that is missing is refused when it was named", async () => {
    const { code, stderr } = await run("server", "--config", join(directory, "missing.yaml"));
    expect(code).toBe(1);
    expect(stderr).toContain("config: open ");
  });
});
