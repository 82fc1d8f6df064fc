/**
 * What kube-proxy does to a Service: each new connection goes to some backend that was ready when
 * it was last asked; connections that exist stay where they are.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Backend {
  port: number;
  isReady: () => Promise<boolean>;
}

/** Between two questions for readiness; two refusals in a row take a backend out. */
const PROBE_MS = 200;
const FAILURES = 2;

export class Balancer {
  port = 0;
  readonly #backends: readonly Backend[];
  readonly #failures = new Map<Backend, number>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#join(socket));
  #next = 0;
  readonly #stopping = new AbortController();

  private constructor(backends: readonly Backend[]) {
    this.#backends = backends;
  }

  static async start(backends: readonly Backend[]): Promise<Balancer> {
    const balancer = new Balancer(backends);
    await Promise.all(backends.map((backend) => balancer.#ask(backend)));
    backends.forEach((backend) => void balancer.#probe(backend));
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    balancer.port = (balancer.#server.address() as AddressInfo).port;
    return balancer;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** One question after the other: an answer that is late says nothing about what came after it. */
  async #probe(backend: Backend): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(PROBE_MS, undefined, { signal }).catch(() => undefined);
      await this.#ask(backend);
    }
  }

  async #ask(backend: Backend): Promise<void> {
    const isReady = await backend.isReady();
    this.#failures.set(backend, isReady ? 0 : (this.#failures.get(backend) ?? FAILURES) + 1);
  }

  #join(client: Socket): void {
    const ready = this.#backends.filter(
      (backend) => (this.#failures.get(backend) ?? FAILURES) < FAILURES,
    );
    const backend = ready[this.#next++ % ready.length];
    if (backend === undefined) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: backend.port, host: "127.0.0.1" });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => other.resetAndDestroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
