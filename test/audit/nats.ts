/** The NATS of an audit: it syncs before it answers, and can be killed and paused. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { NATS_LIVENESS } from "../../components/queue/nats-health.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { findFreePort } from "../support/network.ts";
import { runMark } from "../support/run-mark.ts";
import { until } from "../support/until.ts";
import type { AuditDisk } from "./disk.ts";

/** Most that it stores, bytes: less than the disk has. */
const STORE_BYTES = 384 * 1024 * 1024;

/** Characters of its log that are kept. */
const MAX_OUTPUT = 20_000;

export class AuditNats {
  readonly port: number;
  readonly #monitorPort: number;
  readonly #binary: string;
  readonly #disk: AuditDisk;
  #process: ChildProcess | undefined;
  /** The end of its log. */
  output = "";

  private constructor(binary: string, ports: [number, number], disk: AuditDisk) {
    this.#binary = binary;
    [this.port, this.#monitorPort] = ports;
    this.#disk = disk;
  }

  static async create(disk: AuditDisk): Promise<AuditNats> {
    const { path } = await acquire("nats-server");
    const nats = new AuditNats(path, [await findFreePort(), await findFreePort()], disk);
    await nats.start();
    return nats;
  }

  /** Starts it on what is stored; resolves when JetStream answers. */
  async start(storeBytes = STORE_BYTES): Promise<void> {
    const file = join(this.#disk.folder, "nats.conf");
    const jetStream = {
      store_dir: this.#disk.path,
      max_file_store: storeBytes,
      max_memory_store: 64 * 1024 * 1024,
      sync_interval: "always",
    };
    const settings = {
      listen: `127.0.0.1:${this.port}`,
      http: `127.0.0.1:${this.#monitorPort}`,
      jetstream: jetStream,
    };
    await writeFile(file, JSON.stringify(settings));
    const child = spawn(this.#binary, ["-c", file], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...runMark() },
    });
    child.stderr.on("data", (chunk: Buffer) => {
      this.output = (this.output + chunk.toString()).slice(-MAX_OUTPUT);
    });
    this.#process = child;
    await until("a NATS that answers", () => this.isReady());
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends the process; what is stored stays. */
  async halt(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    }
  }

  /** What the kubelet finds: where it is false for long, NATS is started again. */
  async isHealthy(): Promise<boolean> {
    const answer = await fetch(`http://127.0.0.1:${this.#monitorPort}${NATS_LIVENESS.path}`);
    await answer.text();
    return answer.ok;
  }

  /** Whether JetStream takes requests. */
  async isReady(): Promise<boolean> {
    try {
      const servers = `127.0.0.1:${this.port}`;
      const connection = await connect({ servers, timeout: 1000, reconnect: false });
      try {
        const answer = await connection.request("$JS.API.INFO", "", { timeout: 1000 });
        return !("error" in answer.json<object>());
      } finally {
        await connection.close();
      }
    } catch {
      return false;
    }
  }
}
