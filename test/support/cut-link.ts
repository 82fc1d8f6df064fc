/** A way to a port of this machine that a test can cut, while both ends go on running. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { listen } from "../../services/lib/servers.ts";

export class CutLink {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#join(socket));
  #isCut = false;

  private constructor(target: number) {
    this.#target = target;
  }

  static async to(target: number): Promise<CutLink> {
    const link = new CutLink(target);
    await listen(link.#server, 0, "127.0.0.1");
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resets all connections, and each new one until `mend`. */
  cut(): void {
    this.#isCut = true;
    this.#sockets.forEach((socket) => socket.resetAndDestroy());
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    if (this.#isCut) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#target, host: "127.0.0.1" });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
