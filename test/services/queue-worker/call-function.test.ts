/** Calls of functions against real servers on loopback: what stands on the wire, and what comes. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createNetServer } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { QUEUE, type QueuedCall } from "../../../contract/queue/index.ts";
import { listen } from "../../../services/lib/servers.ts";
import { ByteBudget } from "../../../services/queue-worker/byte-budget.ts";
import { FunctionCalls, type Run } from "../../../services/queue-worker/call-function.ts";
import { toFunctionCall } from "../../../services/queue-worker/queued-call.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { deliverCall } from "../../support/delivery.ts";
import { FakeBodies } from "../../support/fake-bodies.ts";
import { stopServer } from "../../support/network.ts";
import { runs } from "../../support/property-runs.ts";

const atEnd = collectCleanups(afterAll);
let answer: RequestListener;
let seen: { request: IncomingMessage; body: string }[];
let calls: FunctionCalls;
let bodies: FakeBodies;

function create(gatewayUrl: string): FunctionCalls {
  const created = new FunctionCalls({
    gatewayUrl,
    bodies: {
      read: (body) => bodies.read(body),
      write: (name, source) => bodies.write(name, source),
    },
    budget: new ByteBudget(1024),
  });
  atEnd(() => created.close());
  return created;
}

beforeAll(async () => {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ request, body });
      answer(request, response);
    });
  });
  // A connection that is closed while it is used again would be no answer.
  server.keepAliveTimeout = 0;
  calls = create(`http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`);
  atEnd(() => stopServer(server));
});

beforeEach(() => {
  seen = [];
  bodies = new FakeBodies();
  answer = (_request, response) => response.end();
});

interface RunOptions {
  by?: FunctionCalls;
  signal?: AbortSignal;
}

function run(queued: Partial<QueuedCall> = {}, options: RunOptions = {}): Promise<Run> {
  const { by = calls, signal = new AbortController().signal } = options;
  return by.run(toFunctionCall(deliverCall(queued)), signal);
}

function last(): { request: IncomingMessage; body: string } {
  const request = seen.at(-1);
  if (request === undefined) {
    throw new Error("expected a request, got none");
  }
  return request;
}

/** Names that mean nothing to HTTP, to Node or to the worker. */
const names = fc.stringMatching(/^x-[a-z0-9_~.-]{1,8}$/).map((name) => `${name}-`);
const values = fc.stringMatching(/^[!-~\x80-\xff]([\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?$/);

describe("a call", () => {
  test("has the method, the headers and the body that were queued", async () => {
    const headers = { "Content-Type": ["text/plain"], "X-Own": ["1", "2"] };
    await run({ method: "PATCH", headers, body: Buffer.from("hi") });
    const { request, body } = last();
    expect([request.method, request.url, body]).toEqual(["PATCH", "/function/f.openfaas-fn", "hi"]);
    expect(request.headers).toEqual({
      host: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      connection: "keep-alive",
      "content-type": "text/plain",
      "content-length": "2",
      "user-agent": expect.stringMatching(/^plonk-queue-worker\//),
      "x-call-id": "7-AAAAAAAAAAAAAAAA",
      "x-own": "1, 2",
    });
  });

  test("has its body out of the object store, with its length", async () => {
    bodies.kept.set("large", Buffer.alloc(300_000, "a"));
    await run({ body: { name: "large", bytes: 300_000 } });
    const { request, body } = last();
    expect(request.headers).toMatchObject({ "content-length": "300000" });
    expect(request.headers).not.toHaveProperty("transfer-encoding");
    expect(body).toBe("a".repeat(300_000));
  });

  test("goes to its function, with path and query as they were queued", async () => {
    const part = fc.stringMatching(/^[!-~]{0,12}$/);
    const plain = part.map((each) => each.replaceAll("?", ""));
    const dots = fc.constantFrom(
      "",
      ".",
      "..",
      "%2e%2e",
      "..%2f",
      "..\\..\\x",
      "a%20b",
      "%5C",
      "\u00e9",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(plain, dots)), part, async (segments, query) => {
        const path = segments.map((segment) => `/${segment}`).join("");
        await run({ path, query });
        const target = `/function/f.openfaas-fn${path}${query === "" ? "" : `?${query}`}`;
        expect(last().request.url).toBe(target.replaceAll("\u00e9", "%C3%A9"));
      }),
      { examples: [[["..", "..", "system", "functions"], ""]] },
    );
  });

  test("has each header as it was queued, in as many lines", async () => {
    const fields = fc.dictionary(names, fc.array(values, { minLength: 1, maxLength: 3 }));
    const own = ["host", "connection", "content-length", "user-agent", "x-call-id"];
    await fc.assert(
      fc.asyncProperty(fields, async (headers) => {
        await run({ headers, body: Buffer.from("hi") });
        const { rawHeaders } = last().request;
        const sent = rawHeaders
          .flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1]]] : []))
          .filter(([name = ""]) => !own.includes(name.toLowerCase()));
        const queued = Object.entries(headers).flatMap(([name, list]) =>
          list.map((value) => [name, value]),
        );
        expect(sent.sort()).toEqual(queued.sort());
      }),
      { numRuns: runs(50) },
    );
  });

  test("is not made again where it is sent elsewhere", async () => {
    answer = (_request, response) => response.writeHead(302, { location: "/else" }).end();
    expect((await run()).status).toBe(302);
    expect(seen).toHaveLength(1);
  });
});

describe("an answer", () => {
  test("is its status, its headers and its beginning, and the time that it took", async () => {
    answer = (_request, response) => response.writeHead(201, { "x-own": ["1", "2"] }).end("made");
    const result = await run();
    expect(result).toMatchObject({
      status: 201,
      headers: { "x-own": ["1", "2"] },
      capture: { body: Buffer.from("made"), isTruncated: false },
    });
    expect(result).not.toHaveProperty("code");
    expect(result).not.toHaveProperty("retryAfterMs");
    expect(result.seconds).toBeGreaterThan(0);
  });

  test("keeps the bytes of its headers, beyond ASCII too", async () => {
    const bytes = Buffer.from("na\u00efve \u65e5\u672c").toString("latin1");
    answer = (_request, response) => response.writeHead(200, { "x-a": bytes }).end();
    expect((await run()).headers["x-a"]).toBe(bytes);
  });

  test("of the gateway's own has its code, and says when to come again", async () => {
    const headers = { "x-plonk-code": "PLONK_OVERLOADED", "retry-after": "7" };
    answer = (_request, response) => response.writeHead(503, headers).end();
    expect(await run()).toMatchObject({
      status: 503,
      code: "PLONK_OVERLOADED",
      retryAfterMs: 7000,
    });
  });

  test("is the final one: what comes before it is passed over", async () => {
    answer = (_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.writeHead(201).end("made");
    };
    expect(await run()).toMatchObject({ status: 201, capture: { body: Buffer.from("made") } });
  });

  test.each<[string, Partial<QueuedCall>]>([
    ["a callback", { callback: new URL("http://a.example") }],
    ["its result", { keepResultSeconds: 60 }],
  ])("for %s is kept as a whole, where it is large in the object store", async (_what, call) => {
    answer = (_request, response) => response.end(Buffer.alloc(QUEUE.maxInlineBytes + 1, "a"));
    const { capture } = await run(call);
    const [name = ""] = bodies.kept.keys();
    const body = { name, bytes: QUEUE.maxInlineBytes + 1 };
    expect(capture).toEqual({ body, isTruncated: false });
    expect(name).toMatch(/^A{16}-[\w-]{16}$/);
    expect(bodies.kept.get(name)).toHaveLength(QUEUE.maxInlineBytes + 1);
  });

  test("of each run is kept for itself: one that ends late takes nothing from another", async () => {
    answer = (_request, response) => response.end(Buffer.alloc(QUEUE.maxInlineBytes + 1, "a"));
    await Promise.all([run({ keepResultSeconds: 60 }), run({ keepResultSeconds: 60 })]);
    expect(bodies.kept.size).toBe(2);
  });

  test("stands though the store has no room for it", async () => {
    bodies.failsAfter = 0;
    answer = (_request, response) => response.writeHead(201).end(Buffer.alloc(1_000_000));
    const result = await run({ callback: new URL("http://a.example") });
    expect(result.status).toBe(201);
    expect(result.capture).toEqual({ body: Buffer.alloc(0), isTruncated: true });
  });
});

describe("no answer", () => {
  const NONE = { status: 0, headers: {}, capture: { body: Buffer.alloc(0), isTruncated: false } };

  test("is where the body is gone, and why", async () => {
    const lost = "its body is gone from the object store";
    const result = await run({ body: { name: "gone", bytes: 5 } });
    expect(result).toEqual({ ...NONE, lost, seconds: expect.any(Number) });
  });

  test("is where nobody listens, and where the gateway hangs up", async () => {
    const away = await run({}, { by: create("http://127.0.0.1:1") });
    expect(away).toEqual({ ...NONE, seconds: expect.any(Number) });
    answer = ({ socket }) => socket.destroy();
    expect(await run()).toMatchObject(NONE);
  });

  test("is where a run is ended", async () => {
    const controller = new AbortController();
    answer = () => controller.abort();
    expect(await run({}, { signal: controller.signal })).toMatchObject(NONE);
  });

  test.each<[string, string, [status: number, isCut: boolean]]>([
    ["a head without its end", "HTTP/1.1 200 OK\r\nx-a: 1\r\n", [0, false]],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", [0, false]],
    ["only a hint", "HTTP/1.1 103 Early Hints\r\n\r\n", [0, false]],
    ["half a body", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", [200, true]],
    [
      "half a body in pieces",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
      [200, true],
    ],
  ])("comes of %s, but a status that has come stands", async (_what, start, expected) => {
    const server = createNetServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(start));
    });
    const port = await listen(server, 0, "127.0.0.1");
    atEnd(() => server.close());
    const result = await run({}, { by: create(`http://127.0.0.1:${port}`) });
    expect([result.status, result.capture.isTruncated]).toEqual(expected);
  });
});
