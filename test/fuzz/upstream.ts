/**
 * The function behind a gateway under test: a server with a strict parser of its own, which keeps
 * every request that it sees and whose case that was.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { isHandshake } from "./entries.ts";
import { type Reading, readRequest, type StrictRequest, valuesOf } from "./strict-request.ts";

export interface Seen {
  /** The client's address, as the gateway tells it; empty when it does not. */
  client: string;
  request: StrictRequest;
  /** Its body came to its end. */
  isWhole: boolean;
  /** What came over the connection once it was upgraded; undefined: it was not. */
  tunnel?: string;
}

/** In a target: the function agrees to no upgrade. */
const REFUSE = "refuse";

/** What a WebSocket's last frame begins with. */
const CLOSING = "\x88";

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
  readonly #hasUpgrades: boolean;
  readonly #server: Server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();

  /**
   * @param isLenient counts what another proxy sends, well formed or not
   * @param hasUpgrades agrees to WebSockets, but for those whose target asks for a refusal
   */
  constructor({ isLenient = false, hasUpgrades = false } = {}) {
    this.#isLenient = isLenient;
    this.#hasUpgrades = hasUpgrades;
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
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      while (text !== "") {
        const reading = readRequest(text);
        current = this.#keep(reading.request, current);
        if (reading.kind === "incomplete") {
          return;
        }
        if (reading.kind === "malformed") {
          this.#refuse(reading, { text, current });
          socket.destroy();
          return;
        }
        text = text.slice(reading.end);
        if (current !== undefined) {
          current.isWhole = true;
        }
        if (current !== undefined && this.#agrees(reading.request)) {
          socket.off("data", onData);
          openTunnel(socket, current, text);
          return;
        }
        current = undefined;
        socket.write(toAnswer(reading.request));
      }
    };
    socket.on("data", onData);
  }

  #refuse(
    { request, reason }: Extract<Reading, { kind: "malformed" }>,
    { text, current }: { text: string; current: Seen | undefined },
  ): void {
    if (this.#isLenient) {
      this.#keep(request ?? readLoosely(text), current);
    } else {
      this.breaches.push({ reason, bytes: text.slice(0, 4000) });
    }
  }

  #agrees(request: StrictRequest): boolean {
    return this.#hasUpgrades && isHandshake(request) && !request.target.includes(REFUSE);
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
    const seen = {
      client: clientOf(valuesOf(request, "x-forwarded-for")),
      request,
      isWhole: false,
    };
    this.count += 1;
    this.seen.set(seen.client, [...(this.seen.get(seen.client) ?? []), seen]);
    return seen;
  }
}

/** Agrees to an upgrade and keeps what comes then, which begins with a text. */
function openTunnel(socket: Socket, seen: Seen, text: string): void {
  const keep = (more: string): void => {
    seen.tunnel = (seen.tunnel ?? "") + more;
    if (seen.tunnel.includes(CLOSING)) {
      socket.end();
    }
  };
  socket.write(toAgreement(seen.request), "latin1");
  socket.on("data", (chunk) => keep(chunk.toString("latin1")));
  keep(text);
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

/** The last entry of X-Forwarded-For, by its values: what the gateway itself has seen. */
export function clientOf(forwarded: readonly string[]): string {
  const last = forwarded.join(",").split(",").at(-1)?.trim() ?? "";
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

const WEB_SOCKET_ID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The answer to a handshake (RFC 6455 §4.2.2), and a frame behind it. */
function toAgreement(request: StrictRequest): string {
  const [key = ""] = valuesOf(request, "sec-websocket-key");
  const accept = createHash("sha1").update(`${key}${WEB_SOCKET_ID}`).digest("base64");
  const lines = [
    ...["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: websocket"],
    ...[`Sec-WebSocket-Accept: ${accept}`, "X-Upstream: yes"],
  ];
  return `${lines.join("\r\n")}\r\n\r\n\x81\x02hi`;
}

/** The body of the upstream's answer. */
export function echoOf(method: string, target: string): string {
  return `${method} ${target.slice(0, 200)}`;
}
