/**
 * The platform's queue on this machine: NATS with the platform's own configuration, gateway and
 * workers as processes, and functions that a small Kubernetes API knows.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import {
  GATEWAY_SEMI_SPACE_MIB,
  toNodeOptions,
  WORKER_SEMI_SPACE_MIB,
} from "../../components/kubernetes/node-service.ts";
import { toNatsMemoryLimit } from "../../components/queue/nats-config.ts";
import { QueueSync } from "../../components/queue/settings.ts";
import {
  NATS_SERVICES,
  type NatsService,
  STREAM,
  toInboxPrefix,
} from "../../contract/queue/index.ts";
import { Authority } from "../../test/support/authority.ts";
import { FakeKubernetes } from "../../test/support/fake-kubernetes.ts";
import { declareFunction, toKubeconfig } from "../../test/support/gateway-process.ts";
import { writeLoginFiles } from "../../test/support/login-files.ts";
import { findFreePort } from "../../test/support/network.ts";
import { OwnNats } from "../../test/support/own-nats.ts";
import { bundleService } from "../../toolchain/images/bundle.ts";
import { createImageContext } from "../../toolchain/images/context.ts";
import { type Program, startProgram } from "../gateway/program.ts";
import { Filler, laneOf } from "./filler.ts";
import type { Sample } from "./report.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Limits of the containers' memory, MiB. */
export const GATEWAY_LIMIT_MIB = 256;
export const WORKER_LIMIT_MIB = 192;
export const NATS_LIMIT_MIB = 768;

export interface WorldOptions {
  signal: AbortSignal;
  /** Folder for profiles of gateway and worker. */
  profile: string | undefined;
  /** @default before NATS says that it has a message */
  sync?: QueueSync;
}

/** A worker that can be held. */
export interface Worker extends Program {
  hold(): void;
  resume(): void;
}

export interface WorkerOptions {
  env?: Record<string, string>;
  /** In the place of the bundle that is in the image. */
  main?: string;
}

export class World {
  readonly #options: WorldOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "plonk-bench-async-"));
  readonly #fake = new FakeKubernetes();
  readonly #ends: (() => unknown)[] = [() => rmSync(this.#folder, { recursive: true })];
  #nats: OwnNats | undefined;
  #connection: NatsConnection | undefined;
  #manager: JetStreamManager | undefined;
  #gateway: Program | undefined;

  private constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** Calls `run` with a world with these functions, ports by names, and always ends it. */
  static async with<T>(
    options: WorldOptions,
    functions: Readonly<Record<string, number>>,
    run: (world: World) => Promise<T>,
  ): Promise<T> {
    const world = new World(options);
    try {
      await world.#start(functions);
      return await run(world);
    } finally {
      await world.#stop();
    }
  }

  get natsPid(): number {
    return this.#nats?.server.pid ?? 0;
  }

  get gateway(): Program {
    return started(this.#gateway);
  }

  get manager(): JetStreamManager {
    return started(this.#manager);
  }

  /** Environment by which a service finds NATS and logs in. */
  natsEnv(service: NatsService): Record<string, string> {
    return {
      nats_url: `tls://127.0.0.1:${started(this.#nats).server.port}`,
      nats_secret_path: join(this.#folder, service),
    };
  }

  /** Something to be done at the end, the last thing first. */
  onEnd(end: () => unknown): void {
    this.#ends.unshift(end);
  }

  /** Starts a worker as in its pod; it is stopped at the end, or earlier. */
  async startWorker({ env = {}, main }: WorkerOptions = {}): Promise<Worker> {
    const port = await findFreePort();
    const program = await startProgram({
      name: "queue-worker",
      command: process.execPath,
      args: [main ?? (await bundle("queue-worker"))],
      env: {
        NODE_OPTIONS: this.#nodeOptions(toNodeOptions(WORKER_LIMIT_MIB, WORKER_SEMI_SPACE_MIB)),
        ...this.natsEnv("queue-worker"),
        faas_gateway_address: "127.0.0.1",
        faas_gateway_port: String(this.gateway.port),
        callback_allow: "127.0.0.0/8",
        drain_timeout: "1s",
        log_level: "info",
        port: String(port),
        ...env,
      },
      port,
    });
    const resume = (): void => void process.kill(program.pid, "SIGCONT");
    const stop = async (): Promise<void> => {
      if (isAlive(program.pid)) {
        resume();
        await program.stop();
      }
    };
    this.onEnd(stop);
    return { ...program, stop, resume, hold: () => void process.kill(program.pid, "SIGSTOP") };
  }

  get filler(): Filler {
    return new Filler(started(this.#connection), this.#options.signal);
  }

  /** Calls of a function that are not done with; of all functions together without a name. */
  async left(name?: string): Promise<number> {
    this.#options.signal.throwIfAborted();
    const filter = name === undefined ? "" : laneOf(name);
    const query = name === undefined ? {} : { subjects_filter: filter };
    const { state } = await this.manager.streams.info(STREAM.calls, query);
    return name === undefined ? state.messages : (state.subjects?.[filter] ?? 0);
  }

  /** Looks how many calls of a function are left, until none is. */
  async followDrain(name: string): Promise<Sample[]> {
    const samples: Sample[] = [];
    let left = Infinity;
    while (left > 0) {
      left = await this.left(name);
      samples.push({ at: performance.now(), left });
      await sleep(25);
    }
    return samples;
  }

  /** Empties the queue, once nothing more comes: a load that ends leaves calls under way. */
  async purge(): Promise<void> {
    let before = -1;
    for (let count = await this.left(); count !== before; count = await this.left()) {
      before = count;
      await sleep(100);
    }
    await this.manager.streams.purge(STREAM.calls);
  }

  async #start(functions: Readonly<Record<string, number>>): Promise<void> {
    const authority = new Authority();
    const nats = await OwnNats.start(authority.issue(["127.0.0.1"]), this.#options.sync, {
      GOMEMLIMIT: toNatsMemoryLimit(NATS_LIMIT_MIB),
    });
    this.onEnd(() => nats.destroy());
    this.#nats = nats;
    for (const service of NATS_SERVICES) {
      const seed = nats.identity[`${service}.seed`] ?? "";
      writeLoginFiles(join(this.#folder, service), { seed, ca: authority.certificate });
    }
    await this.#startGateway(functions);
    const tls = { ca: authority.certificate, host: "127.0.0.1" };
    const connection = await connect({
      servers: `127.0.0.1:${nats.server.port}`,
      authenticator: nkeyAuthenticator(Buffer.from(nats.identity["gateway.seed"] ?? "")),
      inboxPrefix: toInboxPrefix("gateway"),
      tls,
    });
    this.onEnd(() => connection.close());
    this.#connection = connection;
    this.#manager = await jetstreamManager(connection);
    while (!(await hasStream(this.#manager))) {
      this.#options.signal.throwIfAborted();
      await sleep(50);
    }
  }

  /** As in its pod, over the small Kubernetes API. */
  async #startGateway(functions: Readonly<Record<string, number>>): Promise<void> {
    const client = await this.#fake.start();
    this.onEnd(async () => {
      await client.close();
      await this.#fake.stop();
    });
    for (const [name, port] of Object.entries(functions)) {
      declareFunction(this.#fake, name, { ports: [port] });
    }
    const files = {
      kubeconfig: toKubeconfig(this.#fake.url),
      "basic-auth-user": "admin",
      "basic-auth-password": "bench",
    };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(this.#folder, name), text);
    }
    const [port, metricsPort] = [await findFreePort(), await findFreePort()];
    const gateway = await startProgram({
      name: "gateway",
      command: process.execPath,
      args: [await bundle("gateway")],
      env: {
        NODE_OPTIONS: this.#nodeOptions(toNodeOptions(GATEWAY_LIMIT_MIB, GATEWAY_SEMI_SPACE_MIB)),
        ...this.natsEnv("gateway"),
        KUBECONFIG: join(this.#folder, "kubeconfig"),
        port: String(port),
        metrics_port: String(metricsPort),
        faas_prometheus_host: "127.0.0.1",
        callback_allow: "127.0.0.0/8",
        basic_auth: "true",
        secret_mount_path: this.#folder,
        log_level: "info",
      },
      port,
    });
    this.onEnd(() => gateway.stop());
    this.#gateway = gateway;
  }

  #nodeOptions(options: string): string {
    const { profile } = this.#options;
    const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
    return [options, "--disable-warning=ExperimentalWarning", ...profiling].join(" ");
  }

  async #stop(): Promise<void> {
    for (const end of this.#ends) {
      await end();
    }
  }
}

function started<T>(part: T | undefined): T {
  if (part === undefined) {
    throw new Error("world: expected it to be started");
  }
  return part;
}

async function bundle(name: "gateway" | "queue-worker"): Promise<string> {
  return (await bundleService(createImageContext(), { name, packageRoot: ROOT })).file;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function hasStream(manager: JetStreamManager): Promise<boolean> {
  return manager.streams.info(STREAM.calls).then(
    () => true,
    () => false,
  );
}
