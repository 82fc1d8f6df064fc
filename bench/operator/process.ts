/** The operator as the process that its image starts, with heap and limit of its Deployment. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { request } from "undici";
import { toNodeOptions } from "../../components/kubernetes/node-service.ts";
import { withParent } from "../../test/support/child.ts";
import { findFreePort } from "../../test/support/network.ts";
import { until } from "../../test/support/until.ts";
import { bundleService } from "../../toolchain/images/bundle.ts";
import { createImageContext } from "../../toolchain/images/context.ts";
import { readMemoryMiB } from "../gateway/measure.ts";
import { readReconciles, type Reconciles } from "./histogram.ts";
import { Inspector } from "./inspector.ts";
import { MemoryLimit } from "./memory-limit.ts";

const ROOT = join(import.meta.dirname, "../..");
const HOOK = join(import.meta.dirname, "reach-gateways.js");
const MIB = 1024 * 1024;

/** Ticks per second in procfs: USER_HZ, 100 on all supported platforms. */
const TICKS = 100;

/** How much of its output a failure quotes. */
const QUOTED_CHARACTERS = 4000;

export interface OperatorSetting {
  kubeconfigPath: string;
  /** Limit of the container's memory. */
  limitMiB: number;
  /** Ports on which gateways are played, by their addresses. */
  gateways: ReadonlyMap<string, number>;
  /** A folder of this run. */
  folder: string;
}

export class OperatorProcess {
  readonly startedAt = performance.now();
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #limit: MemoryLimit;
  #output = "";
  #inspector: Promise<Inspector> | undefined;

  private constructor(child: ChildProcess, port: number, limit: MemoryLimit) {
    this.#child = child;
    this.#port = port;
    this.#limit = limit;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-QUOTED_CHARACTERS);
      });
    }
  }

  static async start(setting: OperatorSetting): Promise<OperatorProcess> {
    const { kubeconfigPath, limitMiB, gateways, folder } = setting;
    // The user's own cache is left alone.
    const context = createImageContext({ cache: folder });
    const { file } = await bundleService(context, { name: "operator", packageRoot: ROOT });
    const [port, inspectPort] = [await findFreePort(), await findFreePort()];
    const hook = gateways.size > 0 ? ` --import=${HOOK}` : "";
    const played = Array.from(gateways, ([address, own]) => `${address}=${own}`);
    const limit = new MemoryLimit(String(process.pid), limitMiB);
    const [program = "", ...words] = limit.wrap(process.execPath, [file]);
    const child = spawn(...withParent(program, words), {
      env: {
        PATH: process.env["PATH"],
        NODE_OPTIONS: `${toNodeOptions(limitMiB)} --inspect-port=${inspectPort}${hook}`,
        KUBECONFIG: kubeconfigPath,
        cluster_scope: "true",
        port: String(port),
        pod_name: "operator-bench",
        log_level: "info",
        bench_gateways: played.join(","),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new OperatorProcess(child, port, limit);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws with the end of its output, when it has ended by itself */
  requireRunning(): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      throw new Error(`operator: expected to run, got its end: ${this.#output}`);
    }
  }

  async readReconciles(controller: string): Promise<Reconciles> {
    this.requireRunning();
    const { body } = await request(`http://127.0.0.1:${this.#port}/metrics`);
    return readReconciles(await body.text(), controller);
  }

  /** Whether its metrics answer. */
  isUp(): Promise<boolean> {
    this.requireRunning();
    return request(`http://127.0.0.1:${this.#port}/healthz`).then(
      async ({ body }) => (await body.text()) !== "",
      () => false,
    );
  }

  get pssMiB(): number {
    return readMemoryMiB(this.pid);
  }

  get anonymousMiB(): number {
    return this.#limit.anonymousMiB;
  }

  /** Anonymous memory at its highest since the start, or since it was last forgotten. */
  get peakMiB(): number {
    return this.#limit.peakMiB;
  }

  forgetPeak(): void {
    this.#limit.peakMiB = 0;
  }

  /** Processor time that it has used, seconds. */
  get cpuSeconds(): number {
    const [, rest = ""] = readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ");
    const fields = rest.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  }

  /** Its inspector, which takes some memory: what else is measured, is measured before. */
  inspect(): Promise<Inspector> {
    this.#inspector ??= this.#openInspector();
    return this.#inspector;
  }

  async #openInspector(): Promise<Inspector> {
    process.kill(this.pid, "SIGUSR1");
    let url: string | undefined;
    await until("the inspector", () => {
      url = /Debugger listening on (ws:\S+)/.exec(this.#output)?.[1];
      return url !== undefined;
    });
    return await Inspector.connect(url ?? "");
  }

  /** What is used of its heap after a collection. */
  async readHeapMiB(): Promise<number> {
    const inspector = await this.inspect();
    return (await inspector.readHeap()) / MIB;
  }

  async stop(): Promise<void> {
    (await this.#inspector)?.close();
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await ended;
    }
    this.#limit.remove();
  }
}
