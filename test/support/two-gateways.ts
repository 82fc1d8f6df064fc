/** Two gateway processes behind a balancer, over one Kubernetes with one function. */
import { createServer, type Server } from "node:http";
import { closeServer, listen } from "../../services/lib/metrics.ts";
import { Balancer } from "./balancer.ts";
import { FakeKubernetes } from "./fake-kubernetes.ts";
import { declareFunction, GatewayProcess } from "./gateway-process.ts";
import { findFreePort } from "./network.ts";

export class TwoGateways {
  readonly url: string;
  readonly #fake: FakeKubernetes;
  readonly #pod: Server;
  readonly #gateways: GatewayProcess[];
  readonly #balancer: Balancer;

  private constructor(parts: {
    fake: FakeKubernetes;
    pod: Server;
    gateways: GatewayProcess[];
    balancer: Balancer;
  }) {
    this.#fake = parts.fake;
    this.#pod = parts.pod;
    this.#gateways = parts.gateways;
    this.#balancer = parts.balancer;
    this.url = `http://127.0.0.1:${parts.balancer.port}/function/f`;
  }

  static async start(): Promise<TwoGateways> {
    const pod = createServer((request, response) => {
      request.resume().on("end", () => response.end("done"));
    });
    // Longer than the gateway keeps its connections, as the watchdog's server does.
    pod.keepAliveTimeout = 65_000;
    const port = await listen(pod, 0, "127.0.0.1");
    const fake = new FakeKubernetes();
    await (await fake.start()).close();
    declareFunction(fake, "f", { ports: [port] });
    const ports = [await findFreePort(), await findFreePort()];
    const gateways = await Promise.all(
      ports.map((own) => GatewayProcess.start(fake, { port: own })),
    );
    const balancer = await Balancer.start(
      ports.map((own, index) => ({
        port: own,
        isReady: () => gateways[index]?.isReady() ?? Promise.resolve(false),
      })),
    );
    return new TwoGateways({ fake, pod, gateways, balancer });
  }

  async stop(): Promise<void> {
    await this.#balancer.stop();
    await Promise.all(this.#gateways.map((gateway) => gateway.stop()));
    this.#pod.closeAllConnections();
    await closeServer(this.#pod);
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
