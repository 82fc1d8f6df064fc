/**
 * What kube-proxy does to a Service: each new connection goes to some backend that was ready when
 * it was last asked; connections that exist stay where they are.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface Backend {
  port: number;
  isReady: () => Promise<boolean>;
}

/** Readiness is asked this often; two refusals in a row take a backend out. */
const PROBE_MS = 200;
const FAILURES = 2;

export class Balancer {
  port = 0;
  readonly #backends: readonly Backend[];
  readonly #failures = new Map<Backend, number>();
  /** Those that have not answered yet; a machine that stood still is not many refusals. */
  readonly #asked = new Set<Backend>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server = createServer((socket) => this.#join(socket));
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(backends: readonly Backend[]) {
    this.#backends = backends;
  }

  static async start(backends: readonly Backend[]): Promise<Balancer> {
    const balancer = new Balancer(backends);
    await balancer.#probe();
    balancer.#timer = setInterval(() => void balancer.#probe(), PROBE_MS);
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    balancer.port = (balancer.#server.address() as AddressInfo).port;
    return balancer;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #probe(): Promise<void> {
    const ask = async (backend: Backend): Promise<void> => {
      this.#asked.add(backend);
      const isReady = await backend.isReady();
      this.#asked.delete(backend);
      this.#failures.set(backend, isReady ? 0 : (this.#failures.get(backend) ?? FAILURES) + 1);
    };
    await Promise.all(this.#backends.filter((backend) => !this.#asked.has(backend)).map(ask));
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
