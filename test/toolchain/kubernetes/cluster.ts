/** A real node for tests: our `k3s` in a network namespace and directory of its own. */
import { execFile, spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { appendFile, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { acquire } from "../../../toolchain/acquire.ts";
import { until } from "../../support/until.ts";
import { writeImages } from "./images.ts";

const run = promisify(execFile);
const SECOND = 1000;

/** The binary under test; the variable shortens the way of somebody who works on it. */
export async function findK3s(): Promise<string> {
  return process.env["K8S_DEV"] ?? (await acquire("k3s")).path;
}

export class TestCluster {
  readonly directory: string;
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly address: string;
  readonly #k3s: string;
  readonly #network: string;
  #flags: string[] = [];

  private constructor(k3s: string, directory: string, octet: number) {
    this.#k3s = k3s;
    this.directory = directory;
    this.dataDir = join(directory, "data");
    this.kubeconfig = join(directory, "kubeconfig");
    this.address = `198.18.${octet}.11`;
    this.#network = `plonk-t${octet}`;
  }

  /** Makes the namespace and the images, but starts nothing. */
  static async create(): Promise<TestCluster> {
    const directory = await mkdtemp(join(tmpdir(), "plonk-k3s-"));
    const octet = 100 + (process.pid % 100);
    const cluster = new TestCluster(await findK3s(), directory, octet);
    await cluster.#createNetwork(`198.18.${octet}.1`);
    await writeImages(join(cluster.dataDir, "agent/images"));
    await writeFile(join(directory, "config.yaml"), cluster.#configuration());
    return cluster;
  }

  async #createNetwork(host: string): Promise<void> {
    const name = this.#network;
    const inside = ["-n", name];
    await run("ip", ["netns", "add", name]);
    await run("ip", ["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name]);
    await run("ip", ["addr", "add", `${host}/24`, "dev", name]);
    await run("ip", ["link", "set", name, "up"]);
    await run("ip", [...inside, "addr", "add", `${this.address}/24`, "dev", "eth0"]);
    await run("ip", [...inside, "link", "set", "eth0", "up"]);
    await run("ip", [...inside, "link", "set", "lo", "up"]);
    await run("ip", [...inside, "route", "add", "default", "via", host]);
  }

  #configuration(): string {
    return `data-dir: ${this.dataDir}
node-ip: ${this.address}
node-name: n1
write-kubeconfig: ${this.kubeconfig}
disable: [coredns, traefik, servicelb, metrics-server]
`;
  }

  /** Starts the server and returns its process id at once. */
  async start(...flags: string[]): Promise<number> {
    this.#flags = flags;
    const log = await open(join(this.directory, "server.log"), "a");
    const args = [this.#k3s, "server", "-c", join(this.directory, "config.yaml"), ...flags];
    const server = spawn("nsenter", [`--net=/run/netns/${this.#network}`, ...args], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    await once(server, "spawn");
    await log.close();
    server.unref();
    return server.pid ?? 0;
  }

  /** Starts the server again as it was started last. */
  async restart(): Promise<number> {
    await appendFile(join(this.directory, "server.log"), "--- restart\n");
    return await this.start(...this.#flags);
  }

  async waitReady(): Promise<void> {
    await this.waitFor("a ready node", async () => {
      const ready = "{.status.conditions[?(@.type=='Ready')].status}";
      return (await this.kubectl("get", "node", "n1", "-o", `jsonpath=${ready}`)) === "True";
    });
  }

  /** Waits for a condition whose check may fail meanwhile, with the server's log on failure. */
  async waitFor(what: string, check: () => Promise<boolean>): Promise<void> {
    try {
      await until(what, () => check().catch(() => false), 90 * SECOND);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.log().slice(-3000)}`, { cause: error });
    }
  }

  log(): string {
    return readFileSync(join(this.directory, "server.log"), "utf8");
  }

  async kubectl(...args: string[]): Promise<string> {
    const { stdout } = await run(this.#k3s, ["kubectl", "--request-timeout=20s", ...args], {
      env: { ...process.env, KUBECONFIG: this.kubeconfig },
      timeout: 60 * SECOND,
    });
    return stdout;
  }

  /** `kubectl` for a command that goes on, such as port-forward. */
  spawnKubectl(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    return spawn(this.#k3s, ["kubectl", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  }

  async apply(manifest: string): Promise<void> {
    const path = join(this.directory, "manifest.yaml");
    await writeFile(path, manifest);
    await this.kubectl("apply", "--server-side", "-f", path);
  }

  async ctr(...args: string[]): Promise<string> {
    const env = { ...process.env, K3S_DATA_DIR: this.dataDir };
    return (await run(this.#k3s, ["ctr", ...args], { env })).stdout;
  }

  /** Runs a program in the cluster's network namespace. */
  async inside(command: string, ...args: string[]): Promise<string> {
    const nsenter = [`--net=/run/netns/${this.#network}`, command, ...args];
    return (await run("nsenter", nsenter)).stdout;
  }

  async killAll(): Promise<void> {
    await this.inside(this.#k3s, "killall", "--data-dir", this.dataDir);
  }

  /** Process id of the server, from its lock file. */
  get server(): number {
    return Number(readFileSync(join(this.dataDir, "k3s.lock"), "utf8"));
  }

  /** Processes of this cluster whose command line contains a text; all of them for none. */
  processes(text = ""): number[] {
    const mark = `PLONK_K3S_SUPERVISED=${this.dataDir}`;
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => readProcess(pid, "environ").includes(mark))
      .filter((pid) => readProcess(pid, "cmdline").join(" ").includes(text))
      .map(Number);
  }

  async destroy(): Promise<void> {
    await this.killAll();
    await run("ip", ["link", "del", this.#network]).catch(() => undefined);
    await run("ip", ["netns", "del", this.#network]);
    await rm(this.directory, { recursive: true, force: true });
  }
}

function readProcess(pid: string, file: "environ" | "cmdline"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return []; // It has ended, or belongs to somebody else.
  }
}
