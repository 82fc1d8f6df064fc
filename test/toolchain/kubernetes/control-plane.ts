/** A control plane without a node, for tests that start, stop and kill it. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findFreePort } from "../../support/network.ts";
import { until } from "../../support/until.ts";
import { findK3s } from "./cluster.ts";

const run = promisify(execFile);

export class ControlPlane {
  readonly directory: string;
  readonly dataDir: string;
  readonly kubeconfig: string;
  readonly #k3s: string;
  readonly #port: number;
  #server: ChildProcess | undefined;
  #log = "";

  private constructor(k3s: string, directory: string, port: number) {
    this.#k3s = k3s;
    this.#port = port;
    this.directory = directory;
    this.dataDir = join(directory, "data");
    this.kubeconfig = join(directory, "kubeconfig");
  }

  static async create(): Promise<ControlPlane> {
    const directory = await mkdtemp(join(tmpdir(), "plonk-control-"));
    return new ControlPlane(await findK3s(), directory, await findFreePort());
  }

  /** Starts the server with more flags and waits until it answers. */
  async start(...flags: string[]): Promise<void> {
    const own = ["--disable-agent", "--bind-address=127.0.0.1", "--node-ip=127.0.0.1"];
    const places = [`--data-dir=${this.dataDir}`, `--write-kubeconfig=${this.kubeconfig}`];
    const port = `--https-listen-port=${this.#port}`;
    this.#server = spawn(this.#k3s, ["server", ...own, ...places, port, ...flags]);
    this.#server.stderr?.on("data", (text: Buffer) => (this.#log += text.toString()));
    await this.waitFor(
      "the API",
      async () => (await this.kubectl("get", "--raw=/readyz")) === "ok",
    );
  }

  /** Sends a signal to the server and waits for its end. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const server = this.#server;
    if (server === undefined) return null;
    if (server.exitCode !== null || server.signalCode !== null) return server.exitCode;
    const exit = once(server, "exit");
    server.kill(signal);
    const [code] = (await exit) as [number | null];
    return code;
  }

  get log(): string {
    return this.#log;
  }

  async waitFor(what: string, check: () => Promise<boolean>): Promise<void> {
    try {
      await until(what, () => check().catch(() => false), 60_000);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#log.slice(-3000)}`, { cause: error });
    }
  }

  async kubectl(...args: string[]): Promise<string> {
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    return (
      await run(this.#k3s, ["kubectl", "--request-timeout=20s", ...args], {
        env,
        timeout: 60_000,
      })
    ).stdout;
  }

  /** Process ids of a component. */
  processes(name: string): number[] {
    const mark = `PLONK_K3S_SUPERVISED=${this.dataDir}`;
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry) && read(entry, "environ").includes(mark))
      .filter((pid) => read(pid, "cmdline").join(" ").includes(name))
      .map(Number);
  }

  async destroy(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.directory, { recursive: true, force: true });
  }
}

function read(pid: string, file: "environ" | "cmdline"): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8").split("\0");
  } catch {
    return []; // It has ended.
  }
}
