/** Bodies of all sizes on their way to functions: every byte arrives, however those read. */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { TestGateway } from "../../support/gateway.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
/** Digests of what functions have read, by the targets that they saw. */
const read = new Map<string, string[]>();
const atEnd = collectCleanups(afterAll);

const digestOf = (body: Buffer): string => createHash("sha256").update(body).digest("hex");

function note(target: string, body: Buffer): void {
  read.set(target, [...(read.get(target) ?? []), digestOf(body)]);
}

/** Reads a body after a while, and then does as it is told. */
function reading(delayMs: number, then: RequestListener): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    setTimeout(() => {
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
    }, delayMs);
    request.on("end", () => {
      note(request.url ?? "", Buffer.concat(chunks));
      then(request, response);
    });
  };
}

/** Answers when it has a head, and reads the body a while after that; Node's servers would not. */
function answerEarly(socket: Socket): void {
  let bytes = Buffer.alloc(0);
  let isAnswered = false;
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    const headEnd = bytes.indexOf("\r\n\r\n") + 4;
    const head = bytes.toString("latin1", 0, headEnd);
    if (head !== "" && !isAnswered) {
      isAnswered = true;
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      socket.pause();
      setTimeout(() => socket.resume(), 200);
    }
    const end = headEnd + Number(/content-length: (\d+)/i.exec(head)?.[1]);
    if (bytes.length >= end) {
      note(/^POST (\S+)/.exec(head)?.[1] ?? "", bytes.subarray(headEnd, end));
      bytes = bytes.subarray(end);
      isAnswered = false;
    }
  });
}

/** Makes a function of a server. */
async function serve(name: string, server: Server): Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  const port = await listen(server, 0, "127.0.0.1");
  atEnd(async () => {
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  });
  gateway.declare(name);
  gateway.route(name, [port]);
  await gateway.settle();
}

async function send(path: string, init: RequestInit): Promise<number> {
  const options = { ...init, signal: AbortSignal.timeout(60_000) };
  const answer = await fetch(`${gateway.url}/function/${path}`, options);
  await answer.text();
  return answer.status;
}

beforeAll(async () => {
  gateway = await TestGateway.start();
  atEnd(() => gateway.stop());
  const ok: RequestListener = (_, response) => response.end();
  await serve("reads-at-once", createServer(reading(0, ok)));
  await serve("reads-late", createServer(reading(200, ok)));
  await serve("answers-first", createNetServer(answerEarly));
  let calls = 0;
  const everySecond: RequestListener = (request, response) => {
    calls += 1;
    if (calls % 2 === 1) {
      request.socket.resetAndDestroy();
    } else {
      response.end();
    }
  };
  await serve("breaks-off", createServer(reading(0, everySecond)));
});

describe("bodies of 1 to 200 KB, many at once", () => {
  test.each(["reads-at-once", "reads-late", "answers-first"])("%s", async (name) => {
    const bodies = Array.from({ length: 150 }, (_, index) => randomBytes(1000 + index * 1333));
    const statuses = await Promise.all(
      bodies.map((body, index) => send(`${name}/${name}-${index}`, { method: "POST", body })),
    );
    expect(statuses).toEqual(bodies.map(() => 200));
    for (const [index, body] of bodies.entries()) {
      const target = `/${name}-${index}`;
      await until(`the body of ${target}`, () => read.has(target));
      expect(read.get(target)).toEqual([digestOf(body)]);
    }
  });
});

describe("a body that is sent a second time", () => {
  test.each([20_000, 60_000, 100_000, 131_072])("is the same, %d bytes", async (length) => {
    const body = randomBytes(length);
    expect(await send(`breaks-off/${length}`, { method: "PUT", body })).toBe(200);
    expect(read.get(`/${length}`)).toEqual([digestOf(body), digestOf(body)]);
  });
});
