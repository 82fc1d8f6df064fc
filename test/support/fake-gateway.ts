/** Gateways that say what a test has them say, for the autoscaler. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { GatewayLoads } from "../../contract/gateway-loads.ts";
import { listen } from "../../services/lib/servers.ts";
import type { GatewayEndpoint } from "../../services/operator/kubernetes/gateway-endpoints.ts";

type Answer =
  | Partial<GatewayLoads>
  | (() => Partial<GatewayLoads>)
  | "silence"
  | { status: number; text: string };

export class FakeGateway {
  /** What the next questions are answered with. */
  answer: Answer = {};
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.asked.push(request.url ?? "");
      const answer = typeof this.answer === "function" ? this.answer() : this.answer;
      if (answer === "silence") {
        return;
      }
      if ("status" in answer) {
        response.writeHead(answer.status).end(answer.text);
        return;
      }
      const isAsked = request.url?.includes("queue=1") === true;
      const { queue, ...others } = { ageMs: 3_600_000, functions: {}, ...answer };
      response.end(JSON.stringify({ ...others, ...(isAsked && queue && { queue }) }));
    });
  }

  static async start(): Promise<FakeGateway> {
    const gateway = new FakeGateway();
    await listen(gateway.#server, 0, "127.0.0.1");
    return gateway;
  }

  /** Its address stands for a pod's. */
  get address(): string {
    return String((this.#server.address() as AddressInfo).port);
  }

  get endpoint(): GatewayEndpoint {
    return { address: this.address, isReady: true, isLeaving: false };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function locateGateway(address: string): string {
  return `http://127.0.0.1:${address}`;
}
