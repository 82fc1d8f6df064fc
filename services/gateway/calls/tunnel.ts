/** A client's and a function's socket, joined after an upgrade. */
import type { Duplex } from "node:stream";
import { endByFault, guard } from "../../lib/faults.ts";
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
    const cut = (): void => this.#cut();
    tunnels.add(this);
    clock.add(this);
    upstream.on("error", () => upstream.destroy());
    upstream.pipe(client).pipe(upstream);
    const onData = guard((chunk: Buffer) => {
      this.#movedAt = clock.now;
      this.#toClient.push(chunk);
      this.#sayGoodbye();
    }, cut);
    upstream.on("data", onData);
    client.on(
      "data",
      guard(() => (this.#movedAt = clock.now), cut),
    );
    // Nobody uses half of a WebSocket: where one side has ended, the other one ends, too.
    client.once(
      "end",
      guard(() => upstream.end(() => upstream.destroy()), cut),
    );
    upstream.once(
      "end",
      guard(() => client.end(() => client.destroy()), cut),
    );
    const onClosed = guard(() => {
      tunnels.delete(this);
      clock.delete(this);
      upstream.destroy();
    }, cut);
    client.once("close", onClosed);
    upstream.once("close", () => client.destroy());
  }

  /** Ends both connections by a fault of ours. */
  fault(error: unknown): void {
    endByFault(error, () => this.#cut());
  }

  #cut(): void {
    const { client, upstream } = this.#options;
    client.destroy();
    upstream.destroy();
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
  const end = (): void => void socket.destroy();
  const look = guard(() => {
    if (socket.readableLength === 0) {
      socket.read();
    }
  }, end);
  socket.on("readable", look).once("end", end);
  return () => socket.off("readable", look).off("end", end);
}
