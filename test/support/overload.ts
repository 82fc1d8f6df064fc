/** Ten times the capacity of a function or a whole gateway, and the recovery. */
import { Agent, createServer, request, type Server } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../../services/lib/servers.ts";
import { FakeKubernetes } from "./fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "./gateway-process.ts";
import { stopServer } from "./network.ts";
import { quantile, SteadyLoad, type SteadyLoadResult } from "./steady-load.ts";

export interface OverloadOptions {
  /** Environment of the gateway, and labels of the function: one of them sets a limit. */
  env?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
  /** Calls that may be in flight by that limit: it is the capacity together with `callMs`. */
  limit: number;
  /** How long the function takes. */
  callMs: number;
  /** How long each of the three phases takes at least, seconds. */
  seconds: number;
  /** How often there has to be each of these statuses before the overload ends, if at all. */
  enough?: Readonly<Record<string, number>>;
  /** Idle kept-alive connections that are open all the time. */
  idleConnections: number;
}

export interface OverloadResult {
  capacity: number;
  before: SteadyLoadResult;
  during: SteadyLoadResult;
  /** From one second after the overload on. */
  after: SteadyLoadResult;
  /** 95th percentiles of the answered calls, seconds. */
  p95: { before: number; during: number; after: number };
  /** Largest resident memory of the gateway, MiB. */
  memoryMiB: number;
  /** Idle connections that the gateway closed meanwhile. */
  lostIdle: number;
}

class IdleConnections {
  lost = 0;
  readonly #agents: Agent[] = [];

  /** Opens connections by one call each of a path that costs little. */
  async open(url: string, count: number): Promise<void> {
    for (let opened = 0; opened < count; opened += 100) {
      await Promise.all(
        Array.from({ length: Math.min(100, count - opened) }, () => this.#one(url)),
      );
    }
  }

  #one(url: string): Promise<void> {
    const agent = new Agent({ keepAlive: true });
    this.#agents.push(agent);
    return new Promise((resolve, reject) => {
      const sent = request(`${url}/healthz`, { agent }, (answer) => {
        answer.resume();
        answer.on("end", () => resolve());
      });
      sent.on("socket", (socket) => socket.once("close", () => (this.lost += 1)));
      sent.on("error", reject);
      sent.end();
    });
  }

  close(): void {
    for (const agent of this.#agents) {
      agent.destroy();
    }
  }
}

/** A limit that was chosen makes the capacity known: so many calls at a time, each so long. */
export function capacityOf({ limit, callMs }: OverloadOptions): number {
  return (limit * 1000) / callMs;
}

class Overload {
  readonly #options: OverloadOptions;
  readonly #gateway: GatewayProcess;
  memoryMiB = 0;

  constructor(options: OverloadOptions, gateway: GatewayProcess) {
    this.#options = options;
    this.#gateway = gateway;
  }

  /** Half of the capacity, or ten times as much, for one phase, until there is `enough`. */
  async run(
    factor: number,
    enough: Readonly<Record<string, number>> = {},
  ): Promise<SteadyLoadResult> {
    const { limit, seconds } = this.#options;
    const load = new SteadyLoad({
      url: `${this.#gateway.url}/function/f`,
      connections: Math.max(4, Math.ceil(limit * factor)),
      callsPerSecond: capacityOf(this.#options) * factor,
      body: "x",
      expected: [200, 429, 503],
    });
    const end = performance.now() + seconds * 1000;
    const wanted = Object.entries(enough);
    const isEnough = (): boolean => wanted.every(([status, count]) => load.count(status) >= count);
    try {
      while (performance.now() < end || !isEnough()) {
        await sleep(100);
        this.memoryMiB = Math.max(this.memoryMiB, this.#gateway.memoryMiB);
      }
    } finally {
      await load.stop();
    }
    return load.finished();
  }
}

async function startFunction(callMs: number): Promise<{ server: Server; port: number }> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    setTimeout(() => response.end("done"), callMs);
  });
  server.keepAliveTimeout = 65_000;
  return { server, port: await listen(server, 0, "127.0.0.1") };
}

/** Runs the three phases against a gateway process of its own. */
export async function measureOverload(options: OverloadOptions): Promise<OverloadResult> {
  const { server, port } = await startFunction(options.callMs);
  const fake = new FakeKubernetes();
  await (await fake.start()).close();
  declareFunction(fake, "f", { ports: [port], spec: { labels: options.labels ?? {} } });
  const idle = new IdleConnections();
  let gateway: GatewayProcess | undefined;
  try {
    gateway = await GatewayProcess.start(fake, { env: options.env ?? {} });
    await idle.open(gateway.url, options.idleConnections);
    const overload = new Overload(options, gateway);
    await overload.run(0.5); // warms up
    const before = await overload.run(0.5);
    const during = await overload.run(10, options.enough);
    await sleep(1000);
    const after = await overload.run(0.5);
    const [a, b, c] = [before, during, after].map(({ seconds }) => quantile(seconds, 0.95));
    const { memoryMiB } = overload;
    const p95 = { before: a ?? 0, during: b ?? 0, after: c ?? 0 };
    const capacity = capacityOf(options);
    return { capacity, before, during, after, p95, memoryMiB, lostIdle: idle.lost };
  } finally {
    idle.close();
    await gateway?.stop();
    await stopServer(server);
    await fake.stop();
  }
}
