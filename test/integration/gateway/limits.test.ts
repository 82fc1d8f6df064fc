/** Calls in flight: limits of functions and of the whole gateway. */
import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { TestGateway } from "../../support/gateway.ts";
import { RawConnection, send, WEB_SOCKET } from "../../support/http-client.ts";
import { until } from "../../support/until.ts";

let gateway: TestGateway;
let waiting: ServerResponse[] = [];

afterEach(async () => {
  waiting = [];
  await gateway.stop();
});

/** A function whose calls stay open until `answerAll`. */
async function serveHeld(name: string, labels: Record<string, string> = {}): Promise<void> {
  const port = await gateway.pod((request, response) => {
    request.resume();
    waiting.push(response);
  });
  gateway.declare(name, { labels });
  gateway.route(name, [port]);
  await gateway.settle();
}

function answerAll(): void {
  waiting.forEach((response) => response.end("done"));
  waiting = [];
}

const call = (name: string, headers: Record<string, string> = {}): ReturnType<typeof send> =>
  send(`${gateway.url}/function/${name}`, { headers });

describe("a function's own limit", () => {
  test("refuses further calls with 429, and takes them again when there is room", async () => {
    gateway = await TestGateway.start();
    await serveHeld("f", { "plonk/max-inflight": "2" });
    const held = [call("f"), call("f.openfaas-fn")];
    await until("two calls", () => waiting.length === 2);
    const refused = await call("f", { "x-call-id": "mine" });
    expect([refused.status, refused.body]).toEqual([
      429,
      "Concurrent request limit exceeded. Max concurrent requests: 2",
    ]);
    expect(refused.headers).toMatchObject({
      "retry-after": "1",
      "x-openfaas-internal": "gateway",
      "x-call-id": "mine",
    });
    answerAll();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    const next = call("f");
    await until("another call", () => waiting.length === 1);
    answerAll();
    expect((await next).status).toBe(200);
  });

  test("says why in JSON to who accepts that", async () => {
    gateway = await TestGateway.start({ max_inflight_per_function: "1" });
    await serveHeld("f");
    const held = call("f");
    await until("a call", () => waiting.length === 1);
    const refused = await call("f", { accept: "application/json", "x-call-id": "mine" });
    expect(JSON.parse(refused.body)).toEqual({
      code: "PLONK_TOO_MANY_CALLS",
      message: "Concurrent request limit exceeded. Max concurrent requests: 1",
      callId: "mine",
    });
    answerAll();
    await held;
  });

  test("is the platform's where it has none, does not touch others, and changes at once", async () => {
    gateway = await TestGateway.start({ max_inflight_per_function: "1" });
    await serveHeld("f");
    await serveHeld("g");
    const held = [call("f"), call("g")];
    await until("two calls", () => waiting.length === 2);
    expect([(await call("f")).status, (await call("g")).status]).toEqual([429, 429]);
    gateway.declare("f", { labels: { "plonk/max-inflight": "0" } });
    await gateway.settle();
    held.push(call("f"), call("f"));
    await until("two more", () => waiting.length === 4);
    answerAll();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  test("counts calls that wait for a cold start, and forgets callers that went away", async () => {
    gateway = await TestGateway.start();
    gateway.declare("f", { replicas: 0, labels: { "plonk/max-inflight": "1" } });
    await gateway.settle();
    const gone = new RawConnection(gateway.url).write(
      "GET /function/f HTTP/1.1",
      "Host: a",
      "",
      "",
    );
    await until("a scale request", () =>
      gateway.fake.requests.some(({ path }) => path.endsWith("/scale")),
    );
    expect((await call("f")).status).toBe(429);
    gone.close();
    await gateway.untilCalls("waiting", 0);
    const waitingCall = call("f");
    await gateway.untilCalls("waiting", 1);
    gateway.route("f", [await gateway.pod((_request, response) => response.end("awake"))]);
    expect((await waitingCall).body).toBe("awake");
  });

  test("counts upgraded connections", async () => {
    gateway = await TestGateway.start();
    const { server, port } = await gateway.podServer((_request, response) => response.end());
    server.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
      socket.write("Connection: Upgrade\r\n\r\n");
    });
    gateway.declare("ws", { labels: { "plonk/max-inflight": "1" } });
    gateway.route("ws", [port]);
    await gateway.settle();
    const lines = ["Host: a", ...WEB_SOCKET, "", ""];
    const open = (): RawConnection =>
      new RawConnection(gateway.url).write("GET /function/ws HTTP/1.1", ...lines);
    const first = open();
    await first.waitFor("HTTP/1.1 101 ");
    const second = open();
    await second.waitForEnd();
    expect(second.text).toMatch(/^HTTP\/1\.1 429 .*\r\nRetry-After: 1\r\n/s);
    first.close();
    await gateway.untilCalls("upgraded", 0);
    const third = open();
    await third.waitFor("HTTP/1.1 101 ");
    third.close();
  });
});

describe("the gateway's limit", () => {
  test("refuses further calls of any function with 503 on a connection that stays", async () => {
    gateway = await TestGateway.start({ max_inflight: "1" });
    await serveHeld("f");
    await serveHeld("g");
    const held = call("f");
    await until("a call", () => waiting.length === 1);
    const head = ["POST /function/g HTTP/1.1", "Host: a", "Content-Length: 70000", "", ""];
    const connection = new RawConnection(gateway.url);
    connection.write(...head).write("x".repeat(70_000));
    await connection.waitFor("The gateway has too many calls in flight.");
    expect(connection.text).toMatch(/^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s);
    answerAll();
    expect((await held).status).toBe(200);
    connection.text = "";
    connection.write(...head).write("x".repeat(70_000));
    await until("the call", () => waiting.length === 1);
    answerAll();
    await connection.waitFor("done");
    expect(connection.text).toMatch(/^HTTP\/1\.1 200 /);
    connection.close();
  });
});
