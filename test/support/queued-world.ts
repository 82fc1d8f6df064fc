/** A gateway with users, a real NATS and workers that call its functions. */
import type { ServerResponse } from "node:http";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { createWorker, type Worker } from "../../services/queue-worker/app.ts";
import { readConfig } from "../../services/queue-worker/config.ts";
import { TestGateway } from "./gateway.ts";
import { createKeptLog, type KeptLog } from "./logs.ts";
import { MarkKeyFolder } from "./mark-keys.ts";
import { NatsServer } from "./nats.ts";
import { until } from "./until.ts";
import { basic, UserFolder } from "./users.ts";

const USERS = [
  { name: "boss", password: "p", role: "admin" },
  { name: "own", password: "p", role: "deployer", namespaces: ["openfaas-fn"] },
  { name: "team", password: "p", role: "deployer", namespaces: ["team-a"] },
  { name: "read", password: "p", role: "reader", namespaces: ["openfaas-fn"] },
  { name: "call", password: "p", role: "invoke" },
];

export interface Asked<T> {
  status: number;
  /** The body: parsed where it is JSON. */
  body: T;
  headers: Headers;
}

export interface AskOptions {
  /** @default boss */
  user?: string;
  method?: string;
  headers?: Record<string, string>;
}

export class QueuedWorld {
  readonly nats: NatsServer;
  readonly gateway: TestGateway;
  readonly workerLog: KeptLog = createKeptLog();
  /** The administrator and the other users. */
  readonly users: UserFolder;
  /** The keys of private functions' calls. */
  readonly keys: MarkKeyFolder;
  readonly #workers = new Set<Worker>();
  #connection: Promise<NatsConnection> | undefined;

  private constructor(parts: Pick<QueuedWorld, "nats" | "gateway" | "users" | "keys">) {
    this.nats = parts.nats;
    this.gateway = parts.gateway;
    this.users = parts.users;
    this.keys = parts.keys;
  }

  /** Starts all but workers; resolves when the gateway has its streams. */
  static async create(env: Record<string, string> = {}): Promise<QueuedWorld> {
    const nats = await NatsServer.create();
    const users = new UserFolder(USERS);
    const keys = new MarkKeyFolder();
    const gateway = await TestGateway.start({
      basic_auth: "true",
      secret_mount_path: users.path,
      queue_secret_path: keys.path,
      cluster_scope: "true",
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(nats.port),
      ...env,
    });
    gateway.fake.put("/api/v1/namespaces", {
      metadata: { name: "team-a", annotations: { openfaas: "1" } },
    });
    await gateway.settle();
    const world = new QueuedWorld({ nats, gateway, users, keys });
    await until("the queue", async () => (await world.ask("/async/calls")).status === 200);
    return world;
  }

  async close(): Promise<void> {
    await this.stopWorkers();
    await (await this.#connection)?.close();
    await this.gateway.stop();
    await this.nats.destroy();
    this.users.remove();
    this.keys.remove();
  }

  /** The environment of a worker; it repeats soon, and calls back to loopback. */
  workerEnv(changes: Record<string, string> = {}): Record<string, string> {
    return {
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(this.nats.port),
      faas_gateway_address: "127.0.0.1",
      faas_gateway_port: new URL(this.gateway.url).port,
      callback_allow: "127.0.0.0/8",
      initial_retry_wait: "50ms",
      max_retry_wait: "100ms",
      max_attempts: "2",
      ...changes,
    };
  }

  startWorker(changes: Record<string, string> = {}): void {
    const config = readConfig(this.workerEnv(changes));
    const worker = createWorker({ config, logger: this.workerLog.logger });
    this.#workers.add(worker);
    worker.start();
  }

  async stopWorkers(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.close()));
    this.#workers.clear();
  }

  /** Asks the gateway's own side. */
  async ask<T = unknown>(path: string, options: AskOptions = {}): Promise<Asked<T>> {
    const { user = "boss", method = "GET", headers = {} } = options;
    const response = await fetch(`${this.gateway.url}${path}`, {
      method,
      headers: { accept: "application/json", authorization: basic(user, "p"), ...headers },
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    const body = (isJson ? JSON.parse(text) : text) as T;
    return { status: response.status, body, headers: response.headers };
  }

  /** Queues a call; resolves with its id. */
  async enqueue(
    path: string,
    { headers = {}, body = "hello" }: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<string> {
    const response = await fetch(`${this.gateway.url}/async-function/${path}`, {
      method: "POST",
      headers,
      body,
      signal: AbortSignal.timeout(60_000),
    });
    if (response.status !== 202) {
      throw new Error(`${path}: expected 202, got ${response.status}: ${await response.text()}`);
    }
    return (response.headers.get("location") ?? "").slice("/async/calls/".length);
  }

  /** A function with one pod that holds its calls until a test answers them. */
  async serveHeld(name: string): Promise<ServerResponse[]> {
    const held: ServerResponse[] = [];
    await this.gateway.serve(name, (request, response) => {
      request.resume();
      held.push(response);
    });
    return held;
  }

  /** How many messages a stream has of some subjects. */
  async countMessages(stream: string, subjects: string): Promise<number> {
    const { streams } = await this.manager();
    const { state } = await streams.info(stream, { subjects_filter: subjects });
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  }

  /** The test's own way to the streams. */
  async manager(): Promise<JetStreamManager> {
    // Only to end a hang: a disk may be busy for longer than the five seconds that are usual.
    return jetstreamManager(await this.connection(), { timeout: 60_000 });
  }

  /** The test's own connection. */
  connection(): Promise<NatsConnection> {
    return (this.#connection ??= connect({ servers: `127.0.0.1:${this.nats.port}` }));
  }

  /**
   * Starts a NATS that was halted. The test's own connection is a new one: what is asked of one
   * that is just being made again gets lost.
   */
  async startNats(): Promise<void> {
    await this.nats.start();
    const connection = this.#connection;
    this.#connection = undefined;
    await (await connection)?.close();
  }

  /** Resolves when a call is in a state. */
  async untilState(id: string, state: string): Promise<void> {
    await until(`call ${id} to be ${state}`, async () => {
      const { body } = await this.ask<{ state?: string }>(`/async/calls/${id}`);
      return body.state === state;
    });
  }
}
