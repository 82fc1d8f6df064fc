/** Two gateway processes behind a balancer, over one Kubernetes with one function. */
import { createServer, type Server } from "node:http";
import { listen } from "../../services/lib/servers.ts";
import { Balancer } from "./balancer.ts";
import { FakeKubernetes } from "./fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "./gateway-process.ts";
import { findFreePort, stopServer } from "./network.ts";

export class TwoGateways {
  url = "";
  readonly #fake = new FakeKubernetes();
  readonly #pod: Server;
  readonly #gateways: GatewayProcess[] = [];
  #balancer: Balancer | undefined;

  private constructor() {
    this.#pod = createServer((request, response) => {
      request.resume().on("end", () => response.end("done"));
    });
    // Longer than the gateway keeps its connections, as the watchdog's server does.
    this.#pod.keepAliveTimeout = 65_000;
  }

  static async start(): Promise<TwoGateways> {
    const gateways = new TwoGateways();
    try {
      await gateways.#start();
    } catch (error) {
      await gateways.stop();
      throw error;
    }
    return gateways;
  }

  async #start(): Promise<void> {
    const port = await listen(this.#pod, 0, "127.0.0.1");
    await (await this.#fake.start()).close();
    declareFunction(this.#fake, "f", { ports: [port] });
    const ports = [await findFreePort(), await findFreePort()];
    const starting = ports.map((own) => GatewayProcess.start(this.#fake, { port: own }));
    for (const start of await Promise.allSettled(starting)) {
      if (start.status === "fulfilled") {
        this.#gateways.push(start.value);
      }
    }
    await Promise.all(starting);
    this.#balancer = await Balancer.start(
      ports.map((own, index) => ({
        port: own,
        isReady: () => this.#gateways[index]?.isReady() ?? Promise.resolve(false),
      })),
    );
    this.url = `http://127.0.0.1:${this.#balancer.port}/function/f`;
  }

  async stop(): Promise<void> {
    await this.#balancer?.stop();
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
    await stopServer(this.#pod);
    await this.#fake.stop();
  }

  /** Ends one by a signal and starts it again; resolves with its exit code once it is ready. */
  async restart(index: number, signal: NodeJS.Signals): Promise<number | null> {
    const old = this.#gateways[index];
    const code = (await old?.stop(signal)) ?? null;
    this.#gateways[index] = await GatewayProcess.start(this.#fake, { port: old?.port ?? 0 });
    return code;
  }
}
