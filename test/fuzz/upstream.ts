/**
 * The function behind a gateway under test: a server with a strict parser of its own, which keeps
 * every request that it sees and whose case that was.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { readRequest, type StrictRequest, valuesOf } from "./strict-request.ts";

export interface Seen {
  /** The client's address, as the gateway tells it; empty when it does not. */
  client: string;
  request: StrictRequest;
  /** Its body came to its end. */
  isWhole: boolean;
}

export interface Breach {
  reason: string;
  /** What came over the connection. */
  bytes: string;
}

export class RecordingUpstream {
  /** Requests by client address. */
  readonly seen = new Map<string, Seen[]>();
  /** Bytes that are no strict HTTP: each is a fault of the gateway. */
  readonly breaches: Breach[] = [];
  count = 0;
  readonly #isLenient: boolean;
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  /** A lenient one counts what another proxy sends, well formed or not. */
  constructor({ isLenient = false } = {}) {
    this.#isLenient = isLenient;
  }

  async start(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What came for one client since the last question, which is forgotten with it. */
  take(client: string): Seen[] {
    const found = this.seen.get(client) ?? [];
    this.seen.delete(client);
    return found;
  }

  #serve(socket: Socket): void {
    let text = "";
    let current: Seen | undefined;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      while (text !== "") {
        const reading = readRequest(text);
        current = this.#keep(reading.request, current);
        if (reading.kind === "incomplete") {
          return;
        }
        if (reading.kind === "malformed") {
          if (this.#isLenient) {
            this.#keep(reading.request ?? readLoosely(text), current);
          } else {
            this.breaches.push({ reason: reading.reason, bytes: text.slice(0, 4000) });
          }
          socket.destroy();
          return;
        }
        text = text.slice(reading.end);
        if (current !== undefined) {
          current.isWhole = true;
        }
        current = undefined;
        socket.write(toAnswer(reading.request));
      }
    });
  }

  /** Keeps a request whose head is there, or the bytes by which its body has grown. */
  #keep(request: StrictRequest | undefined, current: Seen | undefined): Seen | undefined {
    if (request === undefined) {
      return current;
    }
    if (current !== undefined) {
      current.request = request;
      return current;
    }
    const seen = { client: clientOf(request), request, isWhole: false };
    this.count += 1;
    this.seen.set(seen.client, [...(this.seen.get(seen.client) ?? []), seen]);
    return seen;
  }
}

/** Enough of a request that is not well formed to know whose it is. */
function readLoosely(text: string): StrictRequest | undefined {
  const [, method, target] = /^(\S+) (.+) HTTP\/1\.[01]\r\n/.exec(text) ?? [];
  if (method === undefined || target === undefined) {
    return undefined;
  }
  const lines = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n").slice(1);
  const headers = lines.map((line): [string, string] => {
    const [name = "", ...value] = line.split(":");
    return [name, value.join(":").trim()];
  });
  return { method, target, headers, body: "", isKeptAlive: false };
}

/** The last entry of X-Forwarded-For: what the gateway itself has seen. */
function clientOf(request: StrictRequest): string {
  const entries = valuesOf(request, "x-forwarded-for").join(",").split(",");
  const last = entries.at(-1)?.trim() ?? "";
  return last.replace(/^(?:\[?::ffff:)?([\d.]+)\]?(?::\d+)?$/, "$1");
}

/** An answer that names its request, so that answers cannot change places unseen. */
function toAnswer({ method, target }: StrictRequest): Buffer {
  const body = method === "HEAD" ? "" : echoOf(method, target);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\nX-Upstream: yes\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    "latin1",
  );
}

/** The body of the upstream's answer. */
export function echoOf(method: string, target: string): string {
  return `${method} ${target.slice(0, 200)}`;
}
