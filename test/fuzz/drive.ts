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
}

/** Silence after which a client gives up, and the longest wait for the server after that. */
const SILENCE_MS = 150;
const STUCK_MS = 10_000;
const MAX_KEPT = 1024 * 1024;

/** Runs one connection to its end; never rejects. */
export function drive(
  { parts }: RawCase,
  { port, localAddress }: Destination,
  silenceMs = SILENCE_MS,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true });
    let received = "";
    let ending: Outcome["ending"] = "server";
    let isConnected = false;
    socket.setNoDelay(true);
    socket.setTimeout(STUCK_MS);
    socket.on("connect", () => {
      isConnected = true;
      // Silence counts from the last part on: a busy machine may take long over those before it.
      writeParts(parts, socket, () => socket.setTimeout(silenceMs));
    });
    socket.on("data", (chunk) => {
      if (received.length < MAX_KEPT) {
        received += chunk.toString("latin1");
      }
    });
    socket.on("end", () => socket.end());
    socket.on("timeout", () => {
      if (ending === "silence" || !isConnected) {
        ending = "stuck";
        socket.destroy();
        return;
      }
      ending = "silence";
      socket.setTimeout(STUCK_MS);
      socket.end();
    });
    socket.on("error", () => {
      if (ending === "server") {
        ending = isConnected ? "reset" : "refused";
      }
    });
    socket.on("close", () => resolve({ received, ending }));
  });
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
