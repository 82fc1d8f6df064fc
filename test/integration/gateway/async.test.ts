/** Asynchronous calls into a real JetStream. */
import { once } from "node:events";
import { type IncomingMessage, request as openRequest } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { QueueMessage } from "../../../contract/queue/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
const onTestEnd = collectCleanups(afterEach);
let nats: NatsServer;
let connection: NatsConnection;
let gateway: TestGateway;

beforeAll(async () => {
  // More than ours takes, so that the queue's own limit is met.
  nats = await NatsServer.create("max_payload: 2MB\n");
  atEnd(() => nats.destroy());
  connection = await connect({ servers: `127.0.0.1:${nats.port}` });
  atEnd(() => connection.close());
  gateway = await TestGateway.start({
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
  });
  atEnd(() => gateway.stop());
  await gateway.serve("f", echo);
  await until("the stream", async () => (await streams()).length === 1);
});

async function streams() {
  const manager = await jetstreamManager(connection);
  return manager.streams.list().next();
}

async function lastMessage(): Promise<QueueMessage> {
  const manager = await jetstreamManager(connection);
  const stored = await manager.streams.getMessage("OF_faas-request", {
    last_by_subj: "faas-request",
  });
  return stored?.json<QueueMessage>() ?? Promise.reject(new Error("no message"));
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { method: "POST", ...init });
}

describe("the stream", () => {
  test("is made where it is missing: on disk, each message for one worker", async () => {
    const [stream] = await streams();
    expect(stream?.config).toMatchObject({
      name: "OF_faas-request",
      subjects: ["faas-request"],
      retention: "workqueue",
      storage: "file",
    });
  });
});

describe("POST /async-function", () => {
  test.each(["__proto__", "constructor", "hasOwnProperty", "toString"])(
    "stores a header named %s like any other",
    async (name) => {
      // As a list, which is sent as it is.
      const headers = ["Host", "gateway", "Content-Length", "0", name, "x", name, "y"];
      const request = openRequest(`${gateway.url}/async-function/f`, { method: "POST", headers });
      const [answer] = (await once(request.end(), "response")) as [IncomingMessage];
      answer.resume();
      expect(answer.statusCode).toBe(202);
      const { Header = {} } = await lastMessage();
      const canonical = name.charAt(0).toUpperCase() + name.slice(1).toLowerCase();
      expect(Object.entries(Header)).toContainEqual([canonical, ["x", "y"]]);
      expect((await fetch(`${gateway.url}/function/f`)).status).toBe(200);
    },
  );

  test("stores the whole call and answers 202 with its id", async () => {
    const response = await call("/async-function/f.openfaas-fn/sub/path?q=1", {
      body: "hello",
      headers: {
        "content-type": "text/plain",
        "x-callback-url": "http://127.0.0.1:7777/cb?a=1",
        "x-custom": "v",
        "x-call-id": "call-1",
        connection: "keep-alive",
      },
    });
    expect([response.status, await response.text()]).toEqual([202, ""]);
    expect(response.headers.get("x-call-id")).toBe("call-1");
    expect(response.headers.get("x-start-time")).toMatch(/^\d{19}$/);
    const message = await lastMessage();
    expect(message).toMatchObject({
      Body: Buffer.from("hello").toString("base64"),
      Method: "POST",
      Path: "/sub/path",
      QueryString: "q=1",
      Function: "f.openfaas-fn",
      CallbackUrl: { Scheme: "http", Host: "127.0.0.1:7777", Path: "/cb", RawQuery: "a=1" },
    });
    expect(message.Header).toMatchObject({
      "Content-Type": ["text/plain"],
      "X-Custom": ["v"],
      "X-Call-Id": ["call-1"],
    });
    expect(message.Header).not.toHaveProperty("Connection");
  });

  test("leaves out what was not sent", async () => {
    expect((await call("/async-function/f")).status).toBe(202);
    const message = await lastMessage();
    for (const name of ["Body", "Path", "QueryString", "CallbackUrl"]) {
      expect(message).not.toHaveProperty(name);
    }
  });

  test("stores a call once however often it is sent with the same id", async () => {
    const before = (await streams())[0]?.state.messages ?? 0;
    const headers = { "x-call-id": "again" };
    const answers = [
      await call("/async-function/f", { headers }),
      await call("/async-function/f", { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect((await streams())[0]?.state.messages).toBe(before + 1);
  });

  test.each([
    ["ftp://example.org/x"],
    ["javascript:alert(1)"],
    ["/relative"],
    ["http://user:canary-pass@example.org/"],
    ["http://"],
  ])("refuses the callback %s", async (url) => {
    const response = await call("/async-function/f", { headers: { "x-callback-url": url } });
    expect([response.status, await response.text()]).toEqual([
      400,
      "X-Callback-Url: expected an http or https URL without credentials",
    ]);
    expect(gateway.log.text()).not.toContain("canary-pass");
  });

  test("takes large bodies up to the limit and names it beyond", async () => {
    expect((await call("/async-function/f", { body: "x".repeat(700_000) })).status).toBe(202);
    const encoded = await call("/async-function/f", { body: "x".repeat(900_000) });
    expect([encoded.status, await encoded.text()]).toEqual([
      413,
      expect.stringContaining("expected at most 1048576 bytes"),
    ]);
    const huge = await call("/async-function/f", { body: "x".repeat(2_000_000) });
    expect([huge.status, await huge.text()]).toEqual([
      413,
      "body: expected at most 1048576 bytes with its headers",
    ]);
  });

  test("knows functions: an unknown one is 404", async () => {
    expect((await call("/async-function/none")).status).toBe(404);
  });

  test("is the only method", async () => {
    const response = await call("/async-function/f", { method: "GET" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

test("503 while NATS is away, and 202 again when it is back", async () => {
  await nats.halt("SIGKILL");
  await until(
    "the gateway to notice",
    async () => (await call("/async-function/f")).status === 503,
  );
  const response = await call("/async-function/f");
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  expect((await fetch(`${gateway.url}/function/f`)).status).toBe(200);
  await nats.start();
  await until("the queue", async () => (await call("/async-function/f")).status === 202);
  expect(await gateway.metrics()).toContain("gateway_nats_reconnect_total 1");
});

test("without NATS there is no such path", async () => {
  const without = await TestGateway.start();
  onTestEnd(() => without.stop());
  await without.serve("f", echo);
  const response = await fetch(`${without.url}/async-function/f`, { method: "POST" });
  expect(response.status).toBe(404);
});
