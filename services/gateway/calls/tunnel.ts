/** A client's and a function's socket, joined after an upgrade. */
import type { Duplex } from "node:stream";
import { type CallClock, NOT_TIMED, type Timed } from "./call-clock.ts";
import { FrameTracker, GOING_AWAY } from "./web-socket-frames.ts";

/** How long a client may take to agree to the end of its connection, milliseconds. */
const CLOSE_GRACE_MS = 2000;

/** All tunnels of a gateway that are open. */
export class Tunnels {
  readonly #open = new Set<Tunnel>();
  #isClosing = false;

  get size(): number {
    return this.#open.size;
  }

  add(tunnel: Tunnel): void {
    this.#open.add(tunnel);
    if (this.#isClosing) {
      // A connection that was there before may still ask for it.
      tunnel.close();
    }
  }

  delete(tunnel: Tunnel): void {
    this.#open.delete(tunnel);
  }

  /** Asks all clients to connect elsewhere, those that come later included. */
  closeAll(): void {
    this.#isClosing = true;
    this.#open.forEach((tunnel) => tunnel.close());
  }
}

export interface TunnelOptions {
  client: Duplex;
  upstream: Duplex;
  tunnels: Tunnels;
  clock: CallClock;
  /** Longest silence in both directions, milliseconds; 0 is no limit. */
  idleMs: number;
}

export class Tunnel implements Timed {
  clockIndex = NOT_TIMED;
  readonly #options: TunnelOptions;
  readonly #toClient = new FrameTracker();
  #movedAt: number;
  #isClosing = false;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#movedAt = options.clock.now;
  }

  start(): void {
    const { client, upstream, tunnels, clock } = this.#options;
    tunnels.add(this);
    clock.add(this);
    upstream.on("error", () => upstream.destroy());
    upstream.pipe(client).pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      this.#movedAt = clock.now;
      this.#toClient.push(chunk);
      this.#sayGoodbye();
    });
    client.on("data", () => (this.#movedAt = clock.now));
    // Nobody uses half of a WebSocket: where one side has ended, the other one ends, too.
    client.once("end", () => upstream.end(() => upstream.destroy()));
    upstream.once("end", () => client.end(() => client.destroy()));
    client.once("close", () => {
      tunnels.delete(this);
      clock.delete(this);
      upstream.destroy();
    });
    upstream.once("close", () => client.destroy());
  }

  checkTime(now: number): void {
    const { idleMs } = this.#options;
    if (idleMs > 0 && now - this.#movedAt > idleMs) {
      this.close();
    }
  }

  /** Ends the connection: by a close frame as soon as none is in the way, or else by force. */
  close(): void {
    if (!this.#isClosing) {
      this.#isClosing = true;
      const { client } = this.#options;
      const timer = setTimeout(() => client.destroy(), CLOSE_GRACE_MS).unref();
      client.once("close", () => clearTimeout(timer));
      this.#sayGoodbye();
    }
  }

  #sayGoodbye(): void {
    const { client, upstream } = this.#options;
    if (this.#isClosing && this.#toClient.isBetweenFrames) {
      // Nothing may follow a close frame; the client's own one goes on to the function.
      upstream.unpipe(client);
      upstream.removeAllListeners("data").resume();
      client.write(GOING_AWAY);
    }
  }
}

/**
 * Destroys a socket that nobody reads yet as soon as its other end has gone; what it has sent
 * stays to be read. Returns what ends the watch.
 */
export function watchForEnd(socket: Duplex): () => void {
  const look = (): void => {
    if (socket.readableLength === 0) {
      socket.read();
    }
  };
  const end = (): void => void socket.destroy();
  socket.on("readable", look).once("end", end);
  return () => socket.off("readable", look).off("end", end);
}
