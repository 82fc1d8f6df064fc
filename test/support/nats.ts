/** A real NATS server with JetStream on loopback, which a test can stop and start again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acquire } from "../../toolchain/acquire.ts";
import { withParent } from "./child.ts";
import { findFreePort } from "./network.ts";
import { until } from "./until.ts";

export class NatsServer {
  readonly port: number;
  readonly #binary: string;
  /** With the store, and its configuration where it has one. */
  readonly directory: string;
  readonly #env: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;

  private constructor(
    { binary, directory, env }: { binary: string; directory: string; env: Record<string, string> },
    port: number,
  ) {
    this.#binary = binary;
    this.directory = directory;
    this.#env = env;
    this.port = port;
  }

  /**
   * Starts a server with an empty store.
   *
   * @param config more of its configuration file
   * @param env more of its environment
   */
  static async create(config = "", env: Record<string, string> = {}): Promise<NatsServer> {
    const { path: binary } = await acquire("nats-server");
    const directory = await mkdtemp(join(tmpdir(), "plonk-nats-"));
    const server = new NatsServer({ binary, directory, env }, await findFreePort());
    await server.configure(config);
    await server.start();
    return server;
  }

  /** Of its process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Writes its configuration, which it reads when it starts. */
  async configure(config: string): Promise<void> {
    await writeFile(join(this.directory, "nats.conf"), config);
  }

  /** Starts the server on the same port and the same store as before. */
  async start(): Promise<void> {
    const own = ["-js", "-sd", this.directory, "-a", "127.0.0.1", "-p", String(this.port)];
    const args = ["-c", join(this.directory, "nats.conf"), ...own];
    const env = { ...process.env, ...this.#env };
    this.#process = spawn(...withParent(this.#binary, args), { stdio: "ignore", env });
    await until(`nats-server to listen on ${this.port}`, () => accepts(this.port));
  }

  /** Ends the process; what is stored stays. */
  async halt(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server?.exitCode === null && server.signalCode === null) {
      server.kill(signal);
      await once(server, "exit");
    }
  }

  /** Deletes what is stored, while the process is ended. */
  async lose(): Promise<void> {
    await rm(join(this.directory, "jetstream"), { recursive: true });
  }

  /** Ends the process and deletes the store. */
  async destroy(): Promise<void> {
    await this.halt();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
