/** A mirror on loopback, in the layout `<mirror>/<original host>/<original path>`. */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";
import { digest } from "./fixtures.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface SeenRequest {
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** A strong validator, as a web server makes one. */
export function toEtag(content: Buffer): string {
  return `"${digest(content).slice(0, 16)}"`;
}

/** Serves one file as a web server does: with a validator, and in part if asked so. */
export function serveFile(content: Buffer): Handler {
  return (request, response) => {
    const etag = toEtag(content);
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? NaN);
    const isPart = !Number.isNaN(start) && request.headers["if-range"] === etag;
    if (isPart && start >= content.length) {
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
      return;
    }
    const body = isPart ? content.subarray(start) : content;
    const last = content.length - 1;
    const range = isPart ? { "content-range": `bytes ${start}-${last}/${content.length}` } : {};
    response.writeHead(isPart ? 206 : 200, { etag, "content-length": body.length, ...range });
    response.end(body);
  };
}

/** Serves a file of the disk, whole. */
export function serveStored(path: string): Handler {
  return (_request, response) => {
    response.writeHead(200, { "content-length": statSync(path).size });
    pipeline(createReadStream(path), response, () => undefined);
  };
}

export interface Cut {
  bytes: number;
  /** @default always */
  times?: number;
  /** Resolves when the client has kept them: what is not read yet is lost with the connection. */
  untilSent: (bytes: number) => Promise<void>;
}

/** Sends the head of a whole file and cuts the connection after some bytes of it. */
export function cutShort(content: Buffer, { bytes, times = Infinity, untilSent }: Cut): Handler {
  let left = times;
  return (request, response) => {
    left -= 1;
    if (left < 0) {
      serveFile(content)(request, response);
      return;
    }
    const etag = toEtag(content);
    response.writeHead(200, { etag, "content-length": content.length });
    response.write(content.subarray(0, bytes));
    void untilSent(bytes).finally(() => response.destroy());
  };
}

/** Cuts the first answer short, and then answers each request with the next piece alone. */
export function servePieces(content: Buffer, cut: Cut): Handler {
  const beginning = cutShort(content, cut);
  const { bytes } = cut;
  return (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (start === 0) {
      beginning(request, response);
      return;
    }
    const piece = content.subarray(start, start + bytes);
    const range = `bytes ${start}-${start + piece.length - 1}/${content.length}`;
    const headers = { etag: toEtag(content), "content-length": piece.length };
    response.writeHead(206, { ...headers, "content-range": range }).end(piece);
  };
}

export class Mirror {
  readonly seen: SeenRequest[] = [];
  readonly #handlers = new Map<string, Handler>();
  readonly #server = createServer((request, response) => {
    const path = request.url ?? "";
    const { range, authorization } = request.headers;
    this.seen.push({ path, range, authorization });
    const handler = this.#handlers.get(path);
    if (handler === undefined) {
      response.writeHead(404).end("not here");
    } else {
      handler(request, response);
    }
  });

  static async start(): Promise<Mirror> {
    const mirror = new Mirror();
    await new Promise<void>((resolve) => mirror.#server.listen(0, "127.0.0.1", resolve));
    return mirror;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves a vendor's URL. */
  serve(url: string, content: Buffer | string | Handler): void {
    const { host, pathname } = new URL(url);
    this.serveAt(`/${host}${pathname}`, content);
  }

  serveAt(path: string, content: Buffer | string | Handler): void {
    const handler = typeof content === "function" ? content : serveFile(Buffer.from(content));
    this.#handlers.set(path, handler);
  }

  /** Answers the next request for a vendor's URL in another way than all that come after it. */
  interrupt(url: string, handler: Handler): void {
    const { host, pathname } = new URL(url);
    const path = `/${host}${pathname}`;
    const usual = this.#handlers.get(path);
    if (usual === undefined) {
      throw new Error(`${url}: expected it on the mirror, got nothing`);
    }
    this.serveAt(path, (request, response) => {
      this.serveAt(path, usual);
      handler(request, response);
    });
  }

  /** How often a vendor's URL was asked for. */
  count(url: string): number {
    const { host, pathname } = new URL(url);
    return this.seen.filter(({ path }) => path === `/${host}${pathname}`).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
