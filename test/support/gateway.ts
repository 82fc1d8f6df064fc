/** A gateway on loopback: real HTTP on both sides, with a small Kubernetes API behind it. */
import { createServer, type RequestListener, type Server } from "node:http";
import {
  createGateway,
  type Gateway,
  type GatewayDependencies,
} from "../../services/gateway/app.ts";
import { readConfig } from "../../services/gateway/config.ts";
import type { KubernetesClient } from "../../services/lib/kubernetes.ts";
import { listen } from "../../services/lib/servers.ts";
import { FakeKubernetes } from "./fake-kubernetes.ts";
import { type EndpointSpec, FUNCTIONS, putFunction, putSlice, SLICES } from "./function-objects.ts";
import { createKeptLog, type KeptLog } from "./logs.ts";
import { until } from "./until.ts";

export { FUNCTIONS };

export class TestGateway {
  readonly fake = new FakeKubernetes();
  readonly log: KeptLog = createKeptLog();
  url = "";
  metricsUrl = "";
  #client: KubernetesClient | undefined;
  #gateway: Gateway | undefined;
  readonly #servers: Server[] = [];

  static async start(
    env: Record<string, string> = {},
    extra: Pick<GatewayDependencies, "locate"> = {},
  ): Promise<TestGateway> {
    const test = new TestGateway();
    try {
      await test.#start(env, extra);
    } catch (error) {
      await test.stop();
      throw error;
    }
    return test;
  }

  async #start(
    env: Record<string, string>,
    extra: Pick<GatewayDependencies, "locate">,
  ): Promise<void> {
    const client = await this.fake.start();
    this.#client = client;
    const config = readConfig({ faas_prometheus_host: "127.0.0.1", ...env });
    const gateway = await createGateway({ config, client, logger: this.log.logger, ...extra });
    this.#gateway = gateway;
    await gateway.start();
    this.url = `http://127.0.0.1:${await listen(gateway.server, 0, "127.0.0.1")}`;
    this.metricsUrl = `http://127.0.0.1:${await listen(gateway.metricsServer, 0, "127.0.0.1")}`;
  }

  /** How many connections of clients are open. */
  async countConnections(): Promise<number> {
    const { server } = this.#gateway ?? {};
    return await new Promise((resolve, reject) => {
      server?.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });
  }

  async stop(): Promise<void> {
    const servers = [this.#gateway?.server, this.#gateway?.metricsServer, ...this.#servers];
    for (const server of servers) {
      server?.closeAllConnections();
      server?.close();
    }
    await this.#gateway?.close();
    await this.#client?.close();
    await this.fake.stop();
  }

  /** A server that stands for a function's pod; returns its port. */
  async pod(handler: RequestListener): Promise<number> {
    const { port } = await this.podServer(handler);
    return port;
  }

  async podServer(handler: RequestListener): Promise<{ server: Server; port: number }> {
    const server = createServer(handler);
    // A connection that is closed while it is used again would be a failed call.
    server.keepAliveTimeout = 0;
    this.#servers.push(server);
    return { server, port: await listen(server, 0, "127.0.0.1") };
  }

  /** Writes a Function. */
  declare(name: string, spec: object = {}, extra: object = {}): void {
    putFunction(this.fake, name, { spec, extra });
  }

  /** Writes where a function's pods are, and that they are nowhere else. */
  route(name: string, pods: (number | EndpointSpec)[]): void {
    const wanted = pods.map((pod) => (typeof pod === "number" ? { port: pod } : pod));
    for (const pod of wanted) {
      putSlice(this.fake, name, pod);
    }
    for (const key of [...this.fake.objects.keys()]) {
      const slice = key.startsWith(`${SLICES}/${name}-`) ? key.slice(SLICES.length + 1) : "";
      if (slice !== "" && !wanted.some(({ port }) => slice === `${name}-${port}`)) {
        this.fake.remove(SLICES, slice);
      }
    }
  }

  /** A function with one pod for each handler; returns the pods' ports. */
  async serve(name: string, ...handlers: RequestListener[]): Promise<number[]> {
    const ports = await Promise.all(handlers.map((handler) => this.pod(handler)));
    this.declare(name);
    this.route(name, ports);
    await this.settle();
    return ports;
  }

  /** Waits until the watches have brought what was written. */
  settle(): Promise<void> {
    return this.fake.settle();
  }

  /** Waits until so many calls are in a state. */
  async untilCalls(state: "in_flight" | "waiting" | "upgraded", count: number): Promise<void> {
    const line = `gateway_calls{state="${state}"} ${count}\n`;
    await until(line, async () => (await this.metrics()).includes(line));
  }

  async metrics(): Promise<string> {
    return (await fetch(`${this.metricsUrl}/metrics`)).text();
  }
}

/** Answers with what it was asked, as JSON. */
export const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { method, url, headers } = request;
    const body = Buffer.concat(chunks).toString();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method, url, headers, body }));
  });
};

export interface Echo {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}
