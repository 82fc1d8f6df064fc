/** Asynchronous calls into a real JetStream. */
import { once } from "node:events";
import { type IncomingMessage, request as openRequest } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { decodeCall, QUEUE, STREAM } from "../../../contract/queue/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { QueueGateway, readId } from "../../support/queue-gateway.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
const onTestEnd = collectCleanups(afterEach);
let queue: QueueGateway;

beforeAll(async () => {
  queue = await QueueGateway.start();
  atEnd(() => queue.stop());
});

describe("the streams", () => {
  test("are made where they are missing, and refuse what they have no room for", async () => {
    const streams = await queue.manager.streams.list().next();
    const facts = streams.map(({ config: { name, retention, storage, discard } }) => [
      ...[name, retention, storage, discard],
    ]);
    expect(facts.sort()).toEqual([
      ["OBJ_faas-bodies", "limits", "file", "new"],
      ["OF_faas-request", "workqueue", "file", "new"],
      ["OF_faas-request-callbacks", "workqueue", "file", "new"],
      ["OF_faas-request-dead", "limits", "file", "new"],
      ["OF_faas-request-results", "limits", "file", "new"],
      ["OF_faas-request-states", "limits", "memory", "old"],
    ]);
  });

  test("get today's settings where an older version has made them", async () => {
    const older = await NatsServer.create();
    onTestEnd(() => older.destroy());
    const connection = await connect({ servers: `127.0.0.1:${older.port}` });
    onTestEnd(() => connection.close());
    const there = await jetstreamManager(connection);
    const limits = { retention: "workqueue", storage: "file", max_msg_size: 1_052_672 } as const;
    await there.streams.add({ name: STREAM.calls, subjects: [QUEUE.subject], ...limits });
    const port = String(older.port);
    const other = await TestGateway.start({ faas_nats_address: "127.0.0.1", faas_nats_port: port });
    onTestEnd(() => other.stop());
    await other.serve("f", echo);
    const send = (): Promise<Response> =>
      fetch(`${other.url}/async-function/f`, { method: "POST" });
    await until("the queue", async () => (await send()).status === 202);
    const { config } = await there.streams.info(STREAM.calls);
    expect([config.subjects, config.discard]).toEqual([
      ["faas-request", "faas-request.*.*", "faas-request.*.*.*"],
      "new",
    ]);
  });
});

describe("a call that is accepted", () => {
  test("is stored as it came, and the answer says where it is found", async () => {
    const response = await queue.call("f.openfaas-fn/sub/path?q=1", {
      body: "hello",
      headers: {
        "content-type": "text/plain",
        "x-callback-url": "http://127.0.0.1:7777/cb?a=1",
        "x-custom": "v",
        "x-call-id": "call-1",
      },
    });
    expect([response.status, await response.text()]).toEqual([202, ""]);
    expect(response.headers.get("x-call-id")).toBe("call-1");
    expect(response.headers.get("x-start-time")).toMatch(/^\d{19}$/);
    const stored = await queue.readStored(response);
    expect(stored).toMatchObject({
      body: Buffer.from("hello"),
      method: "POST",
      path: "/sub/path",
      query: "q=1",
      reference: { name: "f", namespace: "openfaas-fn" },
      callback: new URL("http://127.0.0.1:7777/cb?a=1"),
      retry: {},
    });
    expect({ ...stored.headers }).toMatchObject({
      "Content-Type": ["text/plain"],
      "X-Custom": ["v"],
      "X-Call-Id": ["call-1"],
    });
    expect(stored.headers).not.toHaveProperty("Connection");
  });

  test("has its own id where the caller gives none, which the answer tells", async () => {
    const response = await queue.call("f");
    expect(response.headers.get("x-call-id")).toBe(readId(response));
    expect((await queue.readStored(response)).headers).not.toHaveProperty("X-Call-Id");
  });

  test.each(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])("may be a %s", async (method) => {
    expect((await queue.store("f/x", { method })).method).toBe(method);
  });

  test.each(["/a\\b", '/%7B"', "/{a}", "/%5C..%5Cx", "/a%2F..%2fb", "/^|`", "/x;y=1,2"])(
    "has the path %s as it was sent",
    async (path) => {
      const answer = await queue.sendRaw(`POST /async-function/f${path}?\\{"} HTTP/1.1`);
      expect(answer.split("\r\n", 1)).toEqual(["HTTP/1.1 202 Accepted"]);
      const id = /Location: \/async\/calls\/(\S+)/i.exec(answer)?.[1] ?? "";
      const stored = await queue.readCall(id);
      expect([stored.path, stored.query]).toEqual([path, '\\{"}']);
    },
  );

  test.each(["/%00", "/\u00c3\u00a9"])("has no path %j, as no call has", async (path) => {
    for (const prefix of ["function", "async-function"]) {
      expect(await queue.sendRaw(`POST /${prefix}/f${path} HTTP/1.1`)).toMatch(/^HTTP\/1.1 400 /);
    }
  });

  test.each(["__proto__", "constructor", "Nats-Rollup", "Nats-TTL", "Nats-Msg-Id"])(
    "may have a header named %s, which is the function's only",
    async (name) => {
      const before = await queue.countCalls();
      const answer = await queue.sendRaw("POST /async-function/f HTTP/1.1", [
        name,
        "all",
        name,
        "y",
      ]);
      expect(answer).toContain("202 Accepted");
      expect(await queue.countCalls()).toBe(before + 1);
      const message = await queue.manager.streams.getMessage(STREAM.calls, {
        last_by_subj: "faas-request.openfaas-fn.f.*",
      });
      const { headers } = decodeCall(message?.header ?? [], Buffer.alloc(0));
      const canonical = Object.keys(headers).find(
        (key) => key.toLowerCase() === name.toLowerCase(),
      );
      expect(headers[canonical ?? ""]).toEqual(["all", "y"]);
    },
  );

  test("has the policy of its function", async () => {
    expect((await queue.store("g")).retry).toEqual({ attempts: 3, codes: [500, 503] });
  });

  test.each([
    ["0s", true],
    ["20m", undefined],
  ])("says whether its function has no limit: %s", async (limit, isUnlimited) => {
    queue.gateway.declare("limited", { labels: { "plonk/call-timeout": limit } });
    await queue.gateway.settle();
    expect((await queue.store("limited")).isUnlimited).toBe(isUnlimited);
  });

  test("is one of its own with whatever X-Call-Id, which a trace may share", async () => {
    const before = await queue.countCalls();
    const headers = { "x-call-id": "again" };
    const answers = await Promise.all(["f", "f", "g"].map((name) => queue.call(name, { headers })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(answers.map(readId)).size).toBe(3);
    expect(await queue.countCalls()).toBe(before + 3);
  });
});

describe("a body", () => {
  test.each([0, 1, QUEUE.maxInlineBytes - 1, QUEUE.maxInlineBytes, QUEUE.maxInlineBytes + 1])(
    "of %d bytes is stored whole",
    async (bytes) => {
      const body = Buffer.alloc(bytes, Buffer.from([0, 1, 0x80, 0xff, 0x0a]));
      const stored = await queue.store("f", { body });
      expect((await queue.readBody(stored)).equals(body)).toBe(true);
    },
  );

  test("of eight MiB is stored beside its message; one byte more is refused", async () => {
    const body = Buffer.alloc(QUEUE.maxBodyBytes, "x");
    const stored = await queue.store("f", { body });
    expect(stored.body).toMatchObject({ bytes: QUEUE.maxBodyBytes });
    expect((await queue.readBody(stored)).equals(body)).toBe(true);
    const refused = await queue.call("f", { body: Buffer.alloc(body.length + 1) });
    expect([refused.status, await refused.text()]).toEqual([
      413,
      "body: expected at most 8388608 bytes",
    ]);
  });

  test("of unknown length that grows beyond the limit is refused, and nothing stays", async () => {
    const request = openRequest(`${queue.gateway.url}/async-function/f`, { method: "POST" });
    request.on("error", () => undefined);
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    const size = async (): Promise<number> =>
      (await queue.manager.streams.info(`OBJ_${STREAM.bodies}`)).state.bytes;
    const before = await size();
    for (let sent = 0; sent <= QUEUE.maxBodyBytes; sent += 1024 * 1024) {
      request.write(Buffer.alloc(1024 * 1024));
    }
    const [answer] = await answered;
    expect(answer.statusCode).toBe(413);
    request.destroy();
    await until("it to be forgotten", async () => (await size()) - before < 64 * 1024);
  });
});

describe("what is not accepted", () => {
  test("is an unknown function", async () => {
    expect((await queue.call("none")).status).toBe(404);
  });

  test("is what there is no room for, with the reason and when to come again", async () => {
    const { config } = await queue.manager.streams.info(STREAM.calls);
    const { state } = await queue.manager.streams.info(STREAM.calls);
    await queue.manager.streams.update(STREAM.calls, { ...config, max_bytes: state.bytes + 10 });
    const response = await queue.call("f");
    await queue.manager.streams.update(STREAM.calls, { ...config, max_bytes: -1 });
    expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([
      ...[503, "30", "queue: there is no room for one more call"],
    ]);
    expect((await queue.call("f")).status).toBe(202);
  });

  test("is counted by its reason, beside what is accepted", async () => {
    const text = await queue.gateway.metrics();
    expect(text).toMatch(
      /gateway_queue_accepted_total{function_name="g.openfaas-fn",repeated="false"} [1-9]/,
    );
    expect(text).toContain(
      'gateway_queue_refused_total{function_name="",code="PLONK_FUNCTION_NOT_FOUND"} 1',
    );
    expect(text).toContain(
      'gateway_queue_refused_total{function_name="f.openfaas-fn",code="PLONK_QUEUE_STORE_FULL"} 1',
    );
  });
});

test("503 while NATS is away, and 202 again when it is back", async () => {
  await queue.nats.halt("SIGKILL");
  await until("the gateway to notice", async () => (await queue.call("f")).status === 503);
  const response = await queue.call("f");
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
  expect((await fetch(`${queue.gateway.url}/function/f`)).status).toBe(200);
  await queue.nats.start();
  await until("the queue", async () => (await queue.call("f")).status === 202);
  expect(await queue.gateway.metrics()).toContain("gateway_nats_reconnect_total 1");
});

test("streams that are lost with NATS' disk are made again, which is counted", async () => {
  await queue.nats.halt("SIGKILL");
  await queue.nats.lose();
  await queue.nats.start();
  await until("the queue", async () => (await queue.call("f")).status === 202);
  await until("the count", async () =>
    (await queue.gateway.metrics()).includes(
      'gateway_queue_streams_remade_total{stream="OF_faas-request"} 1',
    ),
  );
});

test("without NATS there is no such path", async () => {
  const without = await TestGateway.start();
  onTestEnd(() => without.stop());
  await without.serve("f", echo);
  const response = await fetch(`${without.url}/async-function/f`, { method: "POST" });
  expect(response.status).toBe(404);
});

test("503 says that there is no room where NATS has come back with a smaller store", async () => {
  await queue.nats.halt();
  await queue.nats.configure("jetstream { max_file_store: 64 }");
  await queue.nats.start();
  const said = async (): Promise<string> => (await queue.call("f")).text();
  const reason = "queue: there is no room for one more call";
  await until("the true reason", async () => (await said()) === reason);
  await queue.nats.halt();
  await queue.nats.configure("");
  await queue.nats.start();
  await until("the queue", async () => (await queue.call("f")).status === 202);
});
