/** The worker's calls, against real servers on loopback. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { closeServer, listen } from "../../../services/lib/metrics.ts";
import { HttpCalls, MAX_ANSWER_BYTES } from "../../../services/queue-worker/http-calls.ts";
import { type FunctionCall, parseMessage } from "../../../services/queue-worker/message.ts";

const servers: Server[] = [];
const clients: HttpCalls[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(
    servers.splice(0).map((server) => {
      server.closeAllConnections();
      return closeServer(server);
    }),
  );
});

interface Seen {
  request: IncomingMessage;
  body: string;
}

function only(seen: Seen[]): Seen {
  const [first, ...others] = seen;
  if (first === undefined || others.length > 0) {
    throw new Error(`expected one call, got ${seen.length}`);
  }
  return first;
}

async function serve(answer: RequestListener): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push({ request, body });
      answer(request, response);
    });
  });
  servers.push(server);
  return { url: `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`, seen };
}

function create(gatewayUrl: string, callTimeoutMs = 5000): HttpCalls {
  const calls = new HttpCalls({ gatewayUrl, callTimeoutMs, callbackWaitMs: 5 });
  clients.push(calls);
  return calls;
}

function queued(extra: object = {}): FunctionCall {
  const message = { Function: "f", Header: { "X-Call-Id": ["c1"] }, Body: "aGk=", ...extra };
  return parseMessage(Buffer.from(JSON.stringify(message)));
}

const answer = (status = 200) => ({
  status,
  headers: {
    "content-type": "text/plain",
    connection: "keep-alive",
    "set-cookie": "a=1",
    "x-function-status": "forged",
    "x-own": "1",
  },
  body: Buffer.from("result"),
  seconds: 0.25,
});

describe("callFunction", () => {
  test("sends method, path, headers and body, and times the answer", async () => {
    const { url, seen } = await serve((_request, response) => {
      response.writeHead(201, { "x-own": "1" }).end("ok");
    });
    const call = queued({ Method: "PATCH", Path: "/p", QueryString: "q=1" });
    const result = await create(url).callFunction(call);
    expect(result).toMatchObject({ status: 201, headers: { "x-own": "1" } });
    expect(result.body.toString()).toBe("ok");
    expect(result.seconds).toBeGreaterThan(0);
    const { request, body } = only(seen);
    expect([request.method, request.url, body]).toEqual(["PATCH", "/function/f/p?q=1", "hi"]);
    expect(request.headers).toMatchObject({ "x-call-id": "c1", "content-length": "2" });
  });

  test("hands Retry-After on", async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(503, { "retry-after": "7" }).end();
    });
    expect(await create(url).callFunction(queued())).toMatchObject({
      status: 503,
      retryAfter: "7",
    });
  });

  test("does not follow redirects", async () => {
    const { url, seen } = await serve((_request, response) => {
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect((await create(url).callFunction(queued())).status).toBe(302);
    expect(seen).toHaveLength(1);
  });

  test("counts no answer as 503: refused, too slow, hung up", async () => {
    expect((await create("http://127.0.0.1:1").callFunction(queued())).status).toBe(503);
    const slow = await serve(() => undefined);
    expect((await create(slow.url, 100).callFunction(queued())).status).toBe(503);
    const rude = await serve((request) => request.socket.destroy());
    expect((await create(rude.url).callFunction(queued())).status).toBe(503);
  });

  test("does not keep an answer of any length", async () => {
    const { url } = await serve((_request, response) => {
      response.end(Buffer.alloc(MAX_ANSWER_BYTES + 1));
    });
    const result = await create(url).callFunction(queued());
    expect([result.status, result.body.length]).toEqual([503, 0]);
  });
});

describe("sendCallback", () => {
  test("posts the answer with what the worker knows of the call", async () => {
    const { url, seen } = await serve((_request, response) => response.end());
    const target = new URL(`${url}/cb?a=1`);
    expect(await create(url).sendCallback(queued(), target, answer())).toBe(200);
    const { request, body } = only(seen);
    expect([request.method, request.url, body]).toEqual(["POST", "/cb?a=1", "result"]);
    expect(request.headers).toMatchObject({
      "content-type": "text/plain",
      "x-own": "1",
      "x-duration-seconds": "0.250000",
      "x-function-status": "200",
      "x-function-name": "f",
      "x-call-id": "c1",
      "user-agent": expect.stringMatching(/^plonk-queue-worker\//),
    });
    expect(request.headers).not.toHaveProperty("set-cookie");
  });

  test("comes again after 5xx and after no answer, a few times", async () => {
    let count = 0;
    const { url, seen } = await serve((request, response) => {
      count += 1;
      if (count === 1) {
        request.socket.destroy();
      } else {
        response.writeHead(count === 2 ? 503 : 204).end();
      }
    });
    expect(await create(url).sendCallback(queued(), new URL(url), answer())).toBe(204);
    expect(seen).toHaveLength(3);
    const dead = await serve((_request, response) => response.writeHead(500).end());
    expect(await create(url).sendCallback(queued(), new URL(dead.url), answer())).toBe(500);
    expect(dead.seen).toHaveLength(4);
  });

  test("does not come again after 4xx, and does not follow redirects", async () => {
    for (const status of [400, 404, 307]) {
      const { url, seen } = await serve((_request, response) => {
        response.writeHead(status, { location: "/x" }).end();
      });
      expect(await create(url).sendCallback(queued(), new URL(url), answer())).toBe(status);
      expect(seen).toHaveLength(1);
    }
  });
});
