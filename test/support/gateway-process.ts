/** The gateway as the process that it is in a pod, over a small Kubernetes API. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withParent } from "./child.ts";
import type { FakeKubernetes } from "./fake-kubernetes.ts";
import { putFunction, putSlice } from "./function-objects.ts";
import { findFreePort } from "./network.ts";
import { runMark } from "./run-mark.ts";
import { until } from "./until.ts";

const MAIN = join(import.meta.dirname, "../../services/gateway/main.ts");

/** Characters of its output that are kept. */
const MAX_OUTPUT = 100_000;

const START_MS = 60_000;

/** Writes a Function with one pod for each port, before a gateway watches it or after. */
export function declareFunction(
  fake: FakeKubernetes,
  name: string,
  { ports, spec = {} }: { ports: readonly number[]; spec?: object },
): void {
  putFunction(fake, name, { spec });
  for (const port of ports) {
    putSlice(fake, name, { port });
  }
}

export interface GatewayProcessOptions {
  /** Environment beside what the connections need. */
  env?: Readonly<Record<string, string>>;
  /** @default a free one */
  port?: number;
  /** Asks for basic auth with this password of `admin`. */
  password?: string;
  /** Its program. @default the sources */
  main?: string;
}

export class GatewayProcess {
  readonly port: number;
  readonly metricsPort: number;
  readonly child: ChildProcess;
  /** What it wrote last: its log and its standard error. */
  output = "";
  readonly #folder: string;
  /** It has ended, and all that it wrote has been read. */
  readonly #closed: Promise<unknown>;

  private constructor(port: number, metricsPort: number, start: Start) {
    this.port = port;
    this.metricsPort = metricsPort;
    this.#folder = start.folder;
    this.child = spawn(...withParent(process.execPath, [...start.nodeArguments, start.main]), {
      env: start.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#closed = once(this.child, "close");
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => this.#keep(chunk.toString()));
    }
  }

  #keep(text: string): void {
    this.output = (this.output + text).slice(-MAX_OUTPUT);
  }

  /** Starts a gateway and waits until it is ready; rejects when it ends instead. */
  static async start(
    fake: FakeKubernetes,
    { env = {}, port, password, main = MAIN }: GatewayProcessOptions = {},
  ): Promise<GatewayProcess> {
    const [own, metricsPort] = [port ?? (await findFreePort()), await findFreePort()];
    const folder = mkdtempSync(join(tmpdir(), "plonk-gateway-"));
    writeFileSync(join(folder, "kubeconfig"), toKubeconfig(fake.url));
    writeFileSync(join(folder, "basic-auth-user"), "admin");
    writeFileSync(join(folder, "basic-auth-password"), password ?? "");
    const gateway = new GatewayProcess(own, metricsPort, {
      folder,
      main,
      nodeArguments: ["--disable-warning=ExperimentalWarning"],
      env: {
        ...runMark(),
        PATH: process.env["PATH"] ?? "",
        KUBECONFIG: join(folder, "kubeconfig"),
        port: String(own),
        metrics_port: String(metricsPort),
        faas_prometheus_host: "127.0.0.1",
        basic_auth: String(password !== undefined),
        secret_mount_path: folder,
        log_level: "warn",
        ...env,
      },
    });
    try {
      const hasBegun = async (): Promise<boolean> => gateway.hasEnded || (await gateway.isReady());
      await until("a ready gateway", hasBegun, START_MS);
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    if (gateway.hasEnded) {
      await gateway.#closed;
      throw new Error(`gateway: ended at once: ${gateway.output}`);
    }
    return gateway;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Result of its readiness probe, which may be slow; false also when the port is closed. */
  async isReady(): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.metricsPort}/readyz`;
      const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
      await answer.text();
      return answer.ok;
    } catch {
      return false;
    }
  }

  /** Resident memory, MiB. */
  get memoryMiB(): number {
    const status = readFileSync(`/proc/${this.child.pid ?? 0}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  }

  /** Open sockets, listening ones included. */
  get sockets(): number {
    const folder = `/proc/${this.child.pid ?? 0}/fd`;
    return readdirSync(folder).filter((name) => isSocket(join(folder, name))).length;
  }

  /** Sends a signal and waits for the end; resolves with the exit code, null after a kill. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    if (!this.hasEnded) {
      const closed = once(this.child, "exit");
      this.child.kill(signal);
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
    return this.child.exitCode;
  }
}

interface Start {
  folder: string;
  main: string;
  nodeArguments: string[];
  env: Record<string, string>;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    return false;
  }
}

/** A kubeconfig for a server without authentication. */
export function toKubeconfig(server: string): string {
  return JSON.stringify({
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [{ name: "test", cluster: { server } }],
    users: [{ name: "test", user: {} }],
  });
}
