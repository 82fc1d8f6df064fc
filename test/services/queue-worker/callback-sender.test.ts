/** Callbacks as they are sent, signed and answered, against real servers on loopback. */
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { verifySignature } from "../../../contract/queue/index.ts";
import { Authority } from "../../support/authority.ts";
import {
  answerInTurn,
  createCallbackSet,
  only,
  type SeenCallback,
  toCallback,
} from "../../support/callback-set.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { fakeOnly } from "../../support/clock.ts";
import { until } from "../../support/until.ts";

const { receive, createSender } = createCallbackSet(collectCleanups(afterEach));

describe("a callback", () => {
  test("is a POST with the path, query, headers and body that it was given", async () => {
    const { port, seen } = await receive();
    const headers = { "content-type": "text/plain", "X-List": ["a", "b"] };
    const result = await createSender().send(
      toCallback(`http://127.0.0.1:${port}/a?b=1#c`, { headers }),
    );
    expect(result).toEqual({ status: 200 });
    const { request, body } = only(seen);
    expect([request.method, request.url, body.toString()]).toEqual(["POST", "/a?b=1", "answer"]);
    expect(request.headers).toEqual({
      host: `127.0.0.1:${port}`,
      connection: "keep-alive",
      "content-type": "text/plain",
      "content-length": "6",
      "x-list": "a, b",
    });
  });

  test("may have no body", async () => {
    const { port, seen } = await receive();
    const result = await createSender().send(
      toCallback(`http://127.0.0.1:${port}/`, { body: undefined }),
    );
    expect(result).toEqual({ status: 200 });
    expect(only(seen).request.headers["content-length"]).toBe("0");
  });

  test("does without headers of another hop, of another host or of a forged signature", async () => {
    const { port, seen } = await receive();
    const headers = {
      Host: "169.254.169.254",
      Connection: "upgrade",
      upgrade: "h2c",
      "Transfer-Encoding": "chunked",
      "Content-Length": "1",
      expect: "100-continue",
      "x-plonk-SIGNATURE": "t=1,v1=00",
    };
    await createSender().send(toCallback(`http://127.0.0.1:${port}/`, { headers }));
    expect(only(seen).request.headers).toEqual({
      host: `127.0.0.1:${port}`,
      connection: "keep-alive",
      "content-length": "6",
    });
  });

  test.each([
    [503, { "retry-after": "7" }, { status: 503, retryAfter: "7" }],
    [429, {}, { status: 429 }],
    [204, {}, { status: 204 }],
  ])("reports status %i and Retry-After", async (status, headers, expected) => {
    const { port } = await receive((_request, response) => {
      response.writeHead(status, headers).end();
    });
    expect(await createSender().send(toCallback(`http://127.0.0.1:${port}/`))).toEqual(expected);
  });

  test.each([301, 302, 303, 307, 308])("does not follow a redirect, %i", async (status) => {
    const other = await receive();
    const { port, connections } = await receive((_request, response) => {
      response.writeHead(status, { location: `http://127.0.0.1:${other.port}/` }).end();
    });
    expect(await createSender().send(toCallback(`http://127.0.0.1:${port}/`))).toEqual({ status });
    expect([connections.length, other.connections.length]).toEqual([1, 0]);
  });

  test("uses a connection again, also after an answer that was not of interest", async () => {
    const { port, connections } = await receive((_request, response) => {
      response.end(Buffer.alloc(60_000));
    });
    const sender = createSender();
    for (let count = 0; count < 3; count++) {
      expect(await sender.send(toCallback(`http://127.0.0.1:${port}/`))).toEqual({ status: 200 });
      await setImmediate();
    }
    expect(connections.length).toBe(1);
  });

  test("by TLS goes to nobody whose certificate is not good", async () => {
    const identity = new Authority().issue(["127.0.0.1"]);
    const { port, seen } = await receive(undefined, { server: createTlsServer(identity) });
    const result = await createSender().send(toCallback(`https://127.0.0.1:${port}/`));
    expect(result).toEqual({ failed: "no answer: UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
    expect(seen).toEqual([]);
  });
});

describe("a callback that fails", () => {
  test.each<[string, RequestListener, string]>([
    ["hangs up", ({ socket }) => socket.destroy(), "UND_ERR_SOCKET"],
    ["speaks no HTTP", ({ socket }) => socket.end("SSH-2.0-x\r\n"), "HTTPParserError"],
    [
      "switches protocols",
      ({ socket }) => socket.write("HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
      "UND_ERR_SOCKET",
    ],
  ])("at a receiver that %s says so by a code", async (_what, answer, code) => {
    const { port } = await receive(answer);
    const result = await createSender().send(toCallback(`http://127.0.0.1:${port}/?key=canary`));
    expect(result).toEqual({ failed: `no answer: ${code}` });
  });

  test("for want of a receiver or an address says so by a code", async () => {
    const sender = createSender({ resolver: answerInTurn([]).resolver });
    const failed = ["no answer: ECONNREFUSED", "no answer: ENOTFOUND"];
    expect(await sender.send(toCallback("http://127.0.0.1:1/"))).toEqual({ failed: failed[0] });
    expect(await sender.send(toCallback("http://hook.example.com/"))).toEqual({
      failed: failed[1],
    });
  });

  test("by a header that HTTP cannot carry does not show it", async () => {
    const { port, connections } = await receive();
    const headers = { "x-bad": "canary\r\nx-more: 1", "bad name": "canary" };
    const result = await createSender().send(toCallback(`http://127.0.0.1:${port}/`, { headers }));
    expect(result).toEqual({ failed: "no answer: UND_ERR_INVALID_ARG" });
    expect(connections).toEqual([]);
  });
});

describe("a signature", () => {
  const signed = ({ request, body }: SeenCallback, key: string): boolean =>
    verifySignature({
      header: request.headers["x-plonk-signature"],
      body,
      key: Buffer.from(key),
      now: new Date(),
      toleranceSeconds: 300,
    });

  test("is that of the body, by the key of the moment", async () => {
    const { port, seen } = await receive();
    const keys = ["first key", "second key", "second key"];
    const signingKey = (): Buffer => Buffer.from(keys[seen.length] ?? "");
    const sender = createSender({ signingKey });
    for (const body of [Buffer.from("answer"), Buffer.from([0, 255, 10]), undefined]) {
      await sender.send(toCallback(`http://127.0.0.1:${port}/`, { body }));
    }
    expect(seen.map((it, index) => signed(it, keys[index] ?? ""))).toEqual([true, true, true]);
    expect(seen.map((it) => signed(it, "second key"))).toEqual([false, true, true]);
  });

  test("is there only with a key", async () => {
    const { port, seen } = await receive();
    const sender = createSender({ signingKey: () => undefined });
    await sender.send(toCallback(`http://127.0.0.1:${port}/`));
    expect(only(seen).request.headers).not.toHaveProperty("x-plonk-signature");
  });

  test("whose key cannot be read keeps the callback back", async () => {
    const { port, connections } = await receive();
    const sender = createSender({ signingKey: () => readFileSync("/nowhere/key") });
    const result = await sender.send(toCallback(`http://127.0.0.1:${port}/`));
    expect(result).toEqual({ failed: "no answer: ENOENT" });
    expect(connections).toEqual([]);
  });
});

test("may take as long as a timer can count where its limit is longer", async () => {
  const { port, seen } = await receive((_request, response) => {
    // A timer that is too long would be over.
    jest.advanceTimersByTime(1000);
    response.end();
  });
  fakeOnly("setTimeout", "clearTimeout");
  const sender = createSender({ totalTimeoutMs: 2 ** 31 });
  const result = await sender.send(toCallback(`http://127.0.0.1:${port}/`));
  jest.useRealTimers();
  expect([result, seen.length]).toEqual([{ status: 200 }, 1]);
});

describe("close", () => {
  test("ends callbacks under way, and connections: they were given back", async () => {
    const { port, seen, connections } = await receive(() => undefined);
    const sender = createSender();
    const sending = sender.send(toCallback(`http://127.0.0.1:${port}/`));
    await until("the callback", () => seen.length === 1);
    await sender.close();
    expect(await sending).toEqual({ failed: "no answer: UND_ERR_DESTROYED" });
    await until("the end of the connection", () => only(connections).destroyed);
  });

  test("sends nothing any more", async () => {
    const { port, connections } = await receive();
    const sender = createSender();
    await sender.close();
    const result = await sender.send(toCallback(`http://127.0.0.1:${port}/`));
    expect(result).toEqual({ failed: "no answer: UND_ERR_DESTROYED" });
    expect(connections).toEqual([]);
  });
});
