/** A way to a port of this machine that can be cut, stalled or slow, while both ends run on. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { listen } from "../../services/lib/servers.ts";

/** What flows from the client, and what flows to it. */
type Direction = "requests" | "answers";

export class FaultyLink {
  readonly #targets: readonly number[];
  readonly #localAddress: string;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#join(socket));
  readonly #stalled = new Set<Direction>();
  #isCut = false;
  #slowMs = 0;
  #next = 0;
  #mended: PromiseWithResolvers<void> = Promise.withResolvers();

  private constructor(targets: readonly number[], localAddress: string) {
    this.#targets = targets;
    this.#localAddress = localAddress;
  }

  /**
   * Listens on a free port; each connection goes to the next one of the targets.
   *
   * @param localAddress of loopback, by which the targets know whose link it is
   */
  static async to(targets: readonly number[], localAddress = "127.0.0.1"): Promise<FaultyLink> {
    const link = new FaultyLink(targets, localAddress);
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

  /** Nothing gets through in these directions, and nobody is told. */
  stall(...directions: readonly Direction[]): void {
    directions.forEach((direction) => this.#stalled.add(direction));
  }

  /** Each piece takes so much longer. */
  slow(ms: number): void {
    this.#slowMs = ms;
  }

  mend(): void {
    this.#isCut = false;
    this.#slowMs = 0;
    this.#stalled.clear();
    this.#mended.resolve();
    this.#mended = Promise.withResolvers();
  }

  async close(): Promise<void> {
    this.mend();
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    this.#sockets.add(client);
    client.on("close", () => this.#sockets.delete(client));
    if (this.#isCut) {
      client.on("error", () => undefined);
      client.resetAndDestroy();
      return;
    }
    this.#next += 1;
    const port = this.#targets[this.#next % this.#targets.length] ?? 0;
    const server = connect({
      ...{ port, host: "127.0.0.1", noDelay: true },
      localAddress: this.#localAddress,
    });
    client.setNoDelay(true);
    this.#sockets.add(server);
    server.on("close", () => this.#sockets.delete(server));
    this.#pass(client, server, "requests");
    this.#pass(server, client, "answers");
  }

  #pass(from: Socket, to: Socket, direction: Direction): void {
    from.on("data", (chunk: Buffer) => {
      if (this.#stalled.size === 0 && this.#slowMs === 0 && !to.writableNeedDrain) {
        to.write(chunk);
        return;
      }
      from.pause();
      void this.#wait(to, direction).then(() => {
        to.write(chunk);
        from.resume();
      });
    });
    from.on("error", () => to.destroy());
    from.on("close", () => (from.errored === null ? to.end() : to.destroy()));
  }

  async #wait(to: Socket, direction: Direction): Promise<void> {
    while (this.#stalled.has(direction)) {
      await this.#mended.promise;
    }
    if (this.#slowMs > 0) {
      await sleep(this.#slowMs);
    }
    while (to.writableNeedDrain && !to.destroyed) {
      await sleep(5);
    }
  }
}
