/** Sends raw bytes over one connection and keeps what comes back. */
import { connect, type Socket } from "node:net";

export interface RawCase {
  /** Bytes, latin1; each part is a write of its own. */
  parts: readonly string[];
}

export interface Outcome {
  /** What came back, latin1. */
  received: string;
  /** Who ended it: the server in order or by a reset, or the client after a silence. */
  ending: "server" | "reset" | "silence" | "refused" | "stuck";
}

export interface Destination {
  port: number;
  /** Loopback address that the client has, by which its requests are known later. */
  localAddress: string;
  /** Resolves when the server has come to what was sent before; its silence counts from then on. */
  probe?: () => Promise<unknown>;
}

/** Silence after which a client gives up, and the longest wait for the server after that. */
const SILENCE_MS = 150;
const STUCK_MS = 10_000;
/** A wait is over after so many parts of it: a process that stood still has waited for one only. */
const STEPS = 5;
const MAX_KEPT = 1024 * 1024;

/** Runs one connection to its end; never rejects. */
export function drive(
  { parts }: RawCase,
  { port, localAddress, probe = () => Promise.resolve() }: Destination,
  silenceMs = SILENCE_MS,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
    let received = "";
    let ending: Outcome["ending"] = "server";
    let isConnected = false;
    const patience = new Patience(socket, STUCK_MS);
    socket.setNoDelay(true);
    socket.on("connect", () => {
      isConnected = true;
      // Silence counts from the last part on: a busy machine may take long over those before it.
      writeParts(parts, socket, () => {
        void probe().then(() => {
          if (ending === "server") {
            patience.begin(silenceMs);
          }
        });
      });
    });
    socket.on("data", (chunk) => {
      patience.renew();
      if (received.length < MAX_KEPT) {
        received += chunk.toString("latin1");
      }
    });
    socket.on("end", () => socket.end());
    patience.onEnd = () => {
      if (ending === "silence" || !isConnected) {
        ending = "stuck";
        socket.destroy();
        return;
      }
      ending = "silence";
      patience.begin(STUCK_MS);
      socket.end();
    };
    socket.on("error", () => {
      if (ending === "server") {
        ending = isConnected ? "reset" : "refused";
      }
    });
    socket.on("close", () => resolve({ received, ending }));
  });
}

/** How long nothing may come, by the time in which this process could have noticed. */
class Patience {
  onEnd = (): void => undefined;
  readonly #socket: Socket;
  #stepMs = 0;
  #steps = 0;

  constructor(socket: Socket, milliseconds: number) {
    this.#socket = socket;
    this.begin(milliseconds);
    socket.on("timeout", () => {
      this.#steps += 1;
      if (this.#steps < STEPS) {
        socket.setTimeout(this.#stepMs);
      } else {
        this.onEnd();
      }
    });
  }

  begin(milliseconds: number): void {
    this.#steps = 0;
    this.#stepMs = milliseconds / STEPS;
    this.#socket.setTimeout(this.#stepMs);
  }

  renew(): void {
    this.#steps = 0;
  }
}

function writeParts(parts: readonly string[], socket: Socket, done: () => void): void {
  const [first, ...rest] = parts;
  if (socket.destroyed || socket.writableEnded) {
    return;
  }
  if (first !== undefined) {
    socket.write(first, "latin1");
  }
  if (rest.length > 0) {
    setImmediate(() => writeParts(rest, socket, done));
  } else {
    done();
  }
}
