/** Freeing of written chunks, with real connections. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createNetServer,
  type Server as NetServer,
  type Socket,
} from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  isReleasable,
  releaseAfterWrite,
  writeAndRelease,
  writeWatched,
} from "../../../../../services/gateway/http/guard/buffer-release.ts";
import { listen } from "../../../../../services/lib/servers.ts";
import { TestGateway } from "../../../../support/gateway.ts";
import { until } from "../../../../support/until.ts";

const KIB = 1024;

function isFreed(chunk: Buffer): boolean {
  return (chunk.buffer as ArrayBuffer).detached;
}

/** Four of these fill a piece of Node's pool, to its last byte. */
const QUARTER_BYTES = Buffer.poolSize / 4;

function findPoolEnd(): Buffer {
  for (;;) {
    const chunk = Buffer.allocUnsafe(QUARTER_BYTES);
    if (chunk.byteOffset + chunk.length === chunk.buffer.byteLength) {
      return chunk;
    }
  }
}

describe("isReleasable", () => {
  const whole = Buffer.alloc(64 * KIB, "x");

  test.each([
    ["a whole buffer", whole, true],
    ["its end, after a head", whole.subarray(200), true],
    ["a part that others follow", whole.subarray(200, 40 * KIB), false],
    ["a small chunk", whole.subarray(60 * KIB), false],
    ["a chunk of Node's pool", Buffer.from("pooled"), false],
    ["one at the end of Node's pool", findPoolEnd(), false],
  ])("%s", (_, chunk, expected) => {
    expect(isReleasable(chunk)).toBe(expected);
  });
});

describe("writeAndRelease", () => {
  let server: Server;
  let port = 0;
  const sockets: Socket[] = [];

  beforeAll(async () => {
    server = createServer();
    port = await listen(server, 0, "127.0.0.1");
  });

  afterAll(async () => {
    sockets.forEach((socket) => socket.destroy());
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** A response whose reader has not begun to read. */
  async function openResponse(): Promise<{ response: ServerResponse; reader: Socket }> {
    const reader = connect(port, "127.0.0.1").pause();
    sockets.push(reader);
    reader.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const [, response] = (await once(server, "request")) as [unknown, ServerResponse];
    return { response, reader };
  }

  test("frees a chunk once the system has it", async () => {
    const { response, reader } = await openResponse();
    reader.resume();
    const chunk = Buffer.alloc(32 * KIB, "x");
    writeAndRelease(response, chunk);
    expect(isFreed(chunk)).toBe(false);
    await until("a freed chunk", () => isFreed(chunk));
    response.end();
  });

  test("keeps what a slow reader has not taken, and frees it when he has", async () => {
    const { response, reader } = await openResponse();
    const chunks: Buffer[] = [];
    const hash = createHash("sha256");
    for (let index = 0; response.writableLength < 256 * KIB; index++) {
      const chunk = Buffer.alloc(64 * KIB, String(index % 10));
      hash.update(chunk);
      chunks.push(chunk);
      writeAndRelease(response, chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(chunks.slice(-4).map(isFreed)).toEqual([false, false, false, false]);
    response.end();
    const seen: Buffer[] = [];
    reader.on("data", (data: Buffer) => seen.push(data)).resume();
    await until("all chunks freed", () => chunks.every(isFreed));
    await until("the end", () => Buffer.concat(seen).subarray(-5).toString() === "0\r\n\r\n");
    const body = decodeChunked(Buffer.concat(seen));
    expect(createHash("sha256").update(body).digest("hex")).toBe(hash.digest("hex"));
  });

  test("touches nothing that was not written before its connection is gone", async () => {
    const { response, reader } = await openResponse();
    const [stuck, late] = [Buffer.alloc(64 * KIB), Buffer.alloc(64 * KIB)];
    response.on("error", () => undefined).write(Buffer.alloc(16 * KIB * KIB));
    writeAndRelease(response, stuck);
    await new Promise((resolve) => setTimeout(resolve, 20));
    response.destroy();
    writeAndRelease(response, late);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([stuck, late].map(isFreed)).toEqual([false, false]);
    reader.destroy();
  });
});

describe("releaseAfterWrite", () => {
  const sockets: Socket[] = [];
  let server: NetServer;

  beforeAll(async () => {
    server = createNetServer({ pauseOnConnect: true }, (socket) => sockets.push(socket));
    await listen(server, 0, "127.0.0.1");
  });

  afterAll(async () => {
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  });

  /** A connection, and its other end, which does not read. */
  async function open(): Promise<{ socket: Socket; reader: Socket }> {
    const accepted = once(server, "connection");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    sockets.push(socket);
    const [reader] = (await accepted) as [Socket];
    return { socket, reader };
  }

  test("frees bytes that are written, whichever comes first", async () => {
    const { socket, reader } = await open();
    reader.resume();
    const [early, late] = [Buffer.alloc(32 * KIB), Buffer.alloc(32 * KIB)];
    releaseAfterWrite(early);
    expect(isFreed(early)).toBe(false);
    writeWatched(socket, early);
    await new Promise((resolve) => socket.write(late.subarray(0, 5), resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isFreed(early)).toBe(true);
    writeWatched(socket, late);
    await new Promise((resolve) => socket.write("end", resolve));
    expect(isFreed(late)).toBe(false);
    releaseAfterWrite(late);
    expect(isFreed(late)).toBe(true);
  });

  test("keeps bytes that a slow reader has not taken, and frees them when he has", async () => {
    const { socket, reader } = await open();
    const chunks = Array.from({ length: 200 }, (_, index) => Buffer.alloc(64 * KIB, index));
    const sent = createHash("sha256");
    chunks.forEach((chunk) => sent.update(chunk));
    for (const chunk of chunks) {
      writeWatched(socket, chunk);
      releaseAfterWrite(chunk);
    }
    socket.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(chunks.slice(-4).map(isFreed)).toEqual([false, false, false, false]);
    const seen = createHash("sha256");
    reader.on("data", (data: Buffer) => seen.update(data)).resume();
    await once(reader, "end");
    await until("all chunks freed", () => chunks.every(isFreed));
    expect(seen.digest("hex")).toBe(sent.digest("hex"));
  });

  test("keeps bytes of a connection that breaks, and small ones", async () => {
    const { socket, reader } = await open();
    const chunks = Array.from({ length: 200 }, () => Buffer.alloc(64 * KIB));
    const small = Buffer.alloc(8 * KIB);
    socket.on("error", () => undefined);
    for (const chunk of [small, ...chunks]) {
      releaseAfterWrite(chunk);
      writeWatched(socket, chunk);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    reader.resetAndDestroy();
    await closed;
    expect([small, chunks.at(-1)].map((chunk) => chunk && isFreed(chunk))).toEqual([false, false]);
  });
});

/** The body of an answer in chunked coding. */
function decodeChunked(answer: Buffer): Buffer {
  const parts: Buffer[] = [];
  let offset = answer.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const end = answer.indexOf("\r\n", offset);
    const size = Number.parseInt(answer.subarray(offset, end).toString(), 16);
    if (size === 0) {
      return Buffer.concat(parts);
    }
    parts.push(answer.subarray(end + 2, end + 2 + size));
    offset = end + 2 + size + 2;
  }
}

describe("a large answer through the gateway", () => {
  let gateway: TestGateway;
  const bytes = Buffer.alloc(3_000_000);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = (index * 7919) % 251;
  }

  beforeAll(async () => {
    gateway = await TestGateway.start();
    await gateway.serve("large", (request, response) => {
      if (request.url === "/chunked") {
        for (let at = 0; at < bytes.length; at += 100_000) {
          response.write(bytes.subarray(at, at + 100_000));
        }
        response.end();
      } else {
        response.writeHead(200, { "content-length": bytes.length }).end(bytes);
      }
    });
  });

  afterAll(() => gateway.stop());

  test.each(["/plain", "/chunked"])("%s: every byte arrives, call after call", async (path) => {
    for (let call = 0; call < 10; call++) {
      const signal = AbortSignal.timeout(60_000);
      const answer = await fetch(`${gateway.url}/function/large${path}`, { signal });
      expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  test("bodies of a quarter of Node's pool, each in two pieces, are answered", async () => {
    await gateway.serve("echo", (incoming, response) => void incoming.pipe(response));
    const piece = Buffer.alloc(QUARTER_BYTES / 2, "x");
    for (let call = 0; call < 12; call++) {
      const { hostname, port } = new URL(gateway.url);
      const headers = { "content-length": QUARTER_BYTES };
      const path = "/function/echo";
      const caller = request({ hostname, port, path, method: "POST", headers, agent: false });
      caller.write(piece);
      await until("the first piece", () => caller.writableLength === 0);
      await new Promise((resolve) => setImmediate(resolve));
      caller.end(piece);
      const [answer] = (await once(caller, "response")) as [IncomingMessage];
      expect((await text(answer)).length).toBe(QUARTER_BYTES);
    }
  });

  test("every byte arrives at a reader who stops in between", async () => {
    const { hostname, port } = new URL(gateway.url);
    const reader = connect(Number(port), hostname);
    reader.write("GET /function/large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const seen: Buffer[] = [];
    reader.on("data", (data: Buffer) => {
      seen.push(data);
      reader.pause();
      setTimeout(() => reader.resume(), 5);
    });
    await once(reader, "close");
    const all = Buffer.concat(seen);
    expect(all.subarray(all.indexOf("\r\n\r\n") + 4).equals(bytes)).toBe(true);
  });
});
