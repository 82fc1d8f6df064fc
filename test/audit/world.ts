/** The processes of an audit, the ways between them, and the disk; all of it on this machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FakeKubernetes } from "../support/fake-kubernetes.ts";
import { declareFunction, GatewayProcess, toKubeconfig } from "../support/gateway-process.ts";
import { findFreePort } from "../support/network.ts";
import { runMark } from "../support/run-mark.ts";
import { until } from "../support/until.ts";
import { WorkerProcess } from "../support/worker-process.ts";
import { AuditDisk } from "./disk.ts";
import { FaultyLink } from "./faulty-link.ts";
import { AUDITED, AuditedFunctions, toWorkerAddress } from "./functions.ts";
import { AuditNats } from "./nats.ts";
import type { Pace } from "./pace.ts";
import { QueueReader } from "./queue-reader.ts";

const OPERATOR = join(import.meta.dirname, "../../services/operator/main.ts");

/** Settings of a worker that waits less than usual, so that an audit is short. */
export const WORKER_SETTINGS = {
  max_inflight: "40",
  max_inflight_per_function: "10",
  max_attempts: "6",
  initial_retry_wait: "200ms",
  max_retry_wait: "1s",
  drain_timeout: "5s",
  callback_allow: "127.0.0.0/8",
  log_level: "error",
};

type Settings = Readonly<Record<string, string>>;

/** One worker, with its own ways to NATS and to the gateways. */
export interface WorkerPlace {
  process: WorkerProcess;
  toNats: FaultyLink;
  toGateways: FaultyLink;
}

export interface GatewayPlace {
  process: GatewayProcess;
  toNats: FaultyLink;
}

interface Parts {
  fake: FakeKubernetes;
  functions: AuditedFunctions;
  disk: AuditDisk;
  nats: AuditNats;
}

/** What is to be ended, the last one first. */
type Ends = (() => unknown)[];

export class AuditWorld {
  readonly fake: FakeKubernetes;
  readonly functions: AuditedFunctions;
  readonly disk: AuditDisk;
  readonly nats: AuditNats;
  readonly gateways: GatewayPlace[] = [];
  readonly workers: WorkerPlace[] = [];
  readonly pace: Pace;
  readonly #ends: Ends;
  #reader: QueueReader | undefined;
  #operator: ChildProcess | undefined;
  /** A fault that is still at work must not start anything again. */
  isStopped = false;

  private constructor(parts: Parts, pace: Pace, ends: Ends) {
    this.pace = pace;
    this.fake = parts.fake;
    this.functions = parts.functions;
    this.disk = parts.disk;
    this.nats = parts.nats;
    this.#ends = ends;
  }

  /** Starts everything: two gateways, two workers, the operator, NATS. */
  static async start(seed: number, pace: Pace): Promise<AuditWorld> {
    const ends: Ends = [];
    try {
      const world = new AuditWorld(await startParts(seed, ends), pace, ends);
      await world.#start();
      return world;
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  get reader(): QueueReader {
    if (this.#reader === undefined) {
      throw new Error("audit: expected a world that has started");
    }
    return this.#reader;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await endAll(this.#ends);
  }

  async restartGateway(place: GatewayPlace, signal: NodeJS.Signals): Promise<void> {
    const { port } = place.process;
    await place.process.stop(signal);
    place.process = await this.#startGateway(place.toNats, port);
  }

  async restartWorker(
    place: WorkerPlace,
    signal: NodeJS.Signals,
    settings: Settings = {},
  ): Promise<void> {
    place.process.signal(signal);
    await place.process.end();
    place.process = await this.#startWorker(place, settings);
  }

  async restartOperator(): Promise<void> {
    await end(this.#operator);
    await this.#startOperator();
  }

  async #start(): Promise<void> {
    this.#ends.push(async () => {
      await Promise.all(this.gateways.map(({ process }) => process.stop()));
      await Promise.all(this.workers.map(({ process }) => killWorker(process)));
      await end(this.#operator);
    });
    for (let index = 0; index < 2; index += 1) {
      const toNats = await this.#link([this.nats.port]);
      const process = await this.#startGateway(toNats, await findFreePort());
      this.gateways.push({ process, toNats });
    }
    this.#reader = await QueueReader.connect(this.nats.port);
    this.#ends.push(() => this.#reader?.close());
    const { reader } = this;
    await until("the audit's own connection", () => reader.isConnected());
    const ports = this.gateways.map(({ process }) => process.port);
    for (let index = 0; index < 2; index += 1) {
      const links = {
        toNats: await this.#link([this.nats.port]),
        toGateways: await this.#link(ports, toWorkerAddress(index)),
      };
      this.workers.push({ ...links, process: await this.#startWorker(links) });
    }
    await this.#startOperator();
    await this.untilReady();
  }

  /** Waits until all services take and run calls, or the audit has been stopped. */
  async untilReady(): Promise<void> {
    for (const { process } of this.gateways) {
      await this.until("a gateway with a queue", () => hasQueue(process));
    }
    for (const { process } of this.workers) {
      await this.until("a worker that takes calls", () => process.isReady());
    }
  }

  /** Waits until something is so, or the audit has been stopped. */
  until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    return until(what, async () => this.isStopped || (await isSo()));
  }

  async #link(ports: readonly number[], localAddress?: string): Promise<FaultyLink> {
    const link = await FaultyLink.to(ports, localAddress);
    this.#ends.push(() => link.close());
    return link;
  }

  #checkRunning(): void {
    if (this.isStopped) {
      throw new Error("audit: it has been stopped");
    }
  }

  #startGateway({ port: natsPort }: FaultyLink, port: number): Promise<GatewayProcess> {
    this.#checkRunning();
    const env = {
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(natsPort),
      callback_allow: WORKER_SETTINGS.callback_allow,
      log_level: "error",
    };
    return GatewayProcess.start(this.fake, { env, port });
  }

  #startWorker(
    { toNats, toGateways }: Pick<WorkerPlace, "toNats" | "toGateways">,
    settings: Settings = {},
  ): Promise<WorkerProcess> {
    this.#checkRunning();
    return WorkerProcess.start({
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(toNats.port),
      faas_gateway_address: "127.0.0.1",
      faas_gateway_port: String(toGateways.port),
      ack_wait: `${this.pace.leaseMs}ms`,
      ...WORKER_SETTINGS,
      ...settings,
    });
  }

  async #startOperator(): Promise<void> {
    this.#checkRunning();
    const kubeconfig = join(this.disk.folder, "kubeconfig");
    await writeFile(kubeconfig, toKubeconfig(this.fake.url));
    this.#operator = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", OPERATOR], {
      env: {
        ...runMark(),
        PATH: process.env["PATH"] ?? "",
        KUBECONFIG: kubeconfig,
        port: String(await findFreePort()),
        log_level: "fatal",
      },
      stdio: "ignore",
    });
  }
}

/** Whether a gateway is ready and has its queue, of which its readiness says nothing. */
async function hasQueue(gateway: GatewayProcess): Promise<boolean> {
  try {
    const answer = await fetch(`${gateway.url}/system/queue`);
    await answer.text();
    return answer.ok && (await gateway.isReady());
  } catch {
    return false;
  }
}

async function startParts(seed: number, ends: Ends): Promise<Parts> {
  const functions = await AuditedFunctions.start(seed);
  ends.push(() => functions.stop());
  const fake = new FakeKubernetes();
  await (await fake.start()).close();
  ends.push(() => fake.stop());
  for (const name of AUDITED) {
    declareFunction(fake, name, { ports: [functions.port] });
  }
  const disk = await AuditDisk.create();
  ends.push(() => disk.remove());
  const nats = await AuditNats.create(disk);
  ends.push(() => nats.halt("SIGKILL"));
  return { functions, fake, disk, nats };
}

async function endAll(ends: Ends): Promise<void> {
  const errors: unknown[] = [];
  for (const work of ends.splice(0).reverse()) {
    await Promise.resolve()
      .then(work)
      .catch((error: unknown) => errors.push(error));
  }
  if (errors.length > 0) {
    throw errors[0];
  }
}

async function killWorker(worker: WorkerProcess): Promise<void> {
  worker.signal("SIGKILL");
  await worker.end();
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
}
