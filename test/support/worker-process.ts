/** The queue-worker as the process that it is in a pod. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { findFreePort } from "./network.ts";
import { runMark } from "./run-mark.ts";

const MAIN = join(import.meta.dirname, "../../services/queue-worker/main.ts");

export class WorkerProcess {
  /** Of `/metrics`, `/healthz` and `/readyz`. */
  readonly port: number;
  /** Its log and its standard error. */
  output = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(env: Record<string, string>, port: number) {
    this.port = port;
    this.#child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN], {
      env: { ...runMark(), PATH: process.env["PATH"] ?? "", port: String(port), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#ended = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    }
  }

  static async start(env: Record<string, string>): Promise<WorkerProcess> {
    return new WorkerProcess(env, await findFreePort());
  }

  /** Whether it takes calls. */
  async isReady(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.port}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves with the exit code, null after a kill. */
  async end(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }
}
