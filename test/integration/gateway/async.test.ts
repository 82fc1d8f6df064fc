/** Asynchronous calls into a real JetStream. */
import { once } from "node:events";
import { type IncomingMessage, request as openRequest } from "node:http";
import { connect as openSocket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import {
  decodeCall,
  parseCallId,
  QUEUE,
  type QueuedCall,
  STREAM,
} from "../../../contract/queue/index.ts";
import { BodyStore } from "../../../services/lib/queue/body-store.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { echo, TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterAll);
const onTestEnd = collectCleanups(afterEach);
let nats: NatsServer;
let manager: JetStreamManager;
let bodies: BodyStore;
let gateway: TestGateway;

beforeAll(async () => {
  nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
  atEnd(() => connection.close());
  manager = await jetstreamManager(connection);
  gateway = await TestGateway.start({
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
    callback_allow: "127.0.0.0/8",
  });
  atEnd(() => gateway.stop());
  await gateway.serve("f", echo);
  gateway.declare("g", {
    annotations: { "com.openfaas.retry.attempts": "3", "com.openfaas.retry.codes": "500,503" },
  });
  await gateway.settle();
  await until("the queue", async () => (await call("/async-function/f")).status === 202);
  bodies = await BodyStore.open(jetstream(connection));
});

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { method: "POST", ...init });
}

function readId(response: Response): string {
  const [, id = ""] = /^\/async\/calls\/(.+)$/.exec(response.headers.get("location") ?? "") ?? [];
  return id;
}

/** The call that an answer of 202 is about, as it is stored. */
async function readStored(response: Response): Promise<QueuedCall> {
  const seq = parseCallId(readId(response))?.sequence ?? 0;
  const message = await manager.streams.getMessage(STREAM.calls, { seq });
  return message === null
    ? Promise.reject(new Error("no message"))
    : decodeCall(message.header, message.data);
}

async function store(path: string, init: RequestInit = {}): Promise<QueuedCall> {
  const response = await call(path, init);
  expect(response.status).toBe(202);
  return readStored(response);
}

async function countCalls(): Promise<number> {
  return (await manager.streams.info(STREAM.calls)).state.messages;
}

describe("the streams", () => {
  test("are made where they are missing, and refuse what they have no room for", async () => {
    const streams = await manager.streams.list().next();
    const facts = streams.map(({ config: { name, retention, storage, discard } }) => [
      ...[name, retention, storage, discard],
    ]);
    expect(facts.sort()).toEqual([
      ["OBJ_faas-bodies", "limits", "file", "new"],
      ["OF_faas-request", "workqueue", "file", "new"],
      ["OF_faas-request-callbacks", "workqueue", "file", "new"],
      ["OF_faas-request-dead", "limits", "file", "new"],
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
      ["faas-request", "faas-request.*.*"],
      "new",
    ]);
  });
});

describe("a call that is accepted", () => {
  test("is stored as it came, and the answer says where it is found", async () => {
    const response = await call("/async-function/f.openfaas-fn/sub/path?q=1", {
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
    const stored = await readStored(response);
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
    const response = await call("/async-function/f");
    expect(response.headers.get("x-call-id")).toBe(readId(response));
    expect((await readStored(response)).headers).not.toHaveProperty("X-Call-Id");
  });

  test.each(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])("may be a %s", async (method) => {
    expect((await store("/async-function/f/x", { method })).method).toBe(method);
  });

  test.each(["/a\\b", '/%7B"', "/{a}", "/%5C..%5Cx", "/a%2F..%2fb", "/^|`", "/x;y=1,2"])(
    "has the path %s as it was sent",
    async (path) => {
      const answer = await sendRaw(`POST /async-function/f${path}?\\{"} HTTP/1.1`);
      expect(answer.split("\r\n", 1)).toEqual(["HTTP/1.1 202 Accepted"]);
      const id = /Location: \/async\/calls\/(\S+)/i.exec(answer)?.[1] ?? "";
      const seq = parseCallId(id)?.sequence ?? 0;
      const message = await manager.streams.getMessage(STREAM.calls, { seq });
      const stored = decodeCall(message?.header ?? [], message?.data ?? Buffer.alloc(0));
      expect([stored.path, stored.query]).toEqual([path, '\\{"}']);
    },
  );

  test.each(["/%00", "/\u00c3\u00a9"])("has no path %j, as no call has", async (path) => {
    for (const prefix of ["function", "async-function"]) {
      expect(await sendRaw(`POST /${prefix}/f${path} HTTP/1.1`)).toMatch(/^HTTP\/1.1 400 /);
    }
  });

  test.each(["__proto__", "constructor", "Nats-Rollup", "Nats-TTL", "Nats-Msg-Id"])(
    "may have a header named %s, which is the function's only",
    async (name) => {
      const before = await countCalls();
      const answer = await sendRaw("POST /async-function/f HTTP/1.1", [name, "all", name, "y"]);
      expect(answer).toContain("202 Accepted");
      expect(await countCalls()).toBe(before + 1);
      const message = await manager.streams.getMessage(STREAM.calls, {
        last_by_subj: "faas-request.openfaas-fn.f",
      });
      const { headers } = decodeCall(message?.header ?? [], Buffer.alloc(0));
      const canonical = Object.keys(headers).find(
        (key) => key.toLowerCase() === name.toLowerCase(),
      );
      expect(headers[canonical ?? ""]).toEqual(["all", "y"]);
    },
  );

  test("has the policy of its function", async () => {
    expect((await store("/async-function/g")).retry).toEqual({ attempts: 3, codes: [500, 503] });
  });

  test("is one of its own with whatever X-Call-Id, which a trace may share", async () => {
    const before = await countCalls();
    const headers = { "x-call-id": "again" };
    const answers = await Promise.all(
      ["f", "f", "g"].map((name) => call(`/async-function/${name}`, { headers })),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(answers.map(readId)).size).toBe(3);
    expect(await countCalls()).toBe(before + 3);
  });
});

/** A request of exactly these bytes, and the whole answer. */
async function sendRaw(line: string, pairs: readonly string[] = []): Promise<string> {
  const socket = openSocket(Number(new URL(gateway.url).port), "127.0.0.1");
  const lines = [line, "Host: gateway", "Content-Length: 0", "Connection: close"];
  for (let index = 0; index < pairs.length; index += 2) {
    lines.push(`${pairs[index] ?? ""}: ${pairs[index + 1] ?? ""}`);
  }
  socket.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
  return text(socket);
}

describe("Idempotency-Key", () => {
  test("makes one call of several, of one function and one caller, and says so", async () => {
    const before = await countCalls();
    const send = (name: string, key: string, authorization = ""): Promise<Response> =>
      call(`/async-function/${name}`, {
        headers: { "idempotency-key": key, ...(authorization && { authorization }) },
      });
    const first = await send("f", "k 1");
    const again = await send("f", "k 1");
    expect([first.headers.get("idempotency-replayed"), readId(first)]).toEqual([
      null,
      readId(again),
    ]);
    expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([202, "true"]);
    const others = [
      await send("f", "k 2"),
      await send("g", "k 1"),
      await send("f", "k 1", "Basic x"),
    ];
    expect(others.map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([
      ...[null, null, null],
    ]);
    expect(await countCalls()).toBe(before + 4);
  });

  test.each(["", " ", "x".repeat(256)])("of %j is refused", async (key) => {
    const answer = await sendRaw("POST /async-function/f HTTP/1.1", ["Idempotency-Key", key]);
    expect(answer).toContain("400 Bad Request");
    expect(answer).toContain("Idempotency-Key: expected 1 to 255 visible characters");
  });
});

describe("X-Delay-Seconds and X-Expires-Seconds", () => {
  test("are stored as times", async () => {
    const headers = { "x-delay-seconds": "60", "x-expires-seconds": "3600" };
    const { acceptedAt, notBefore, expiresAt } = await store("/async-function/f", { headers });
    expect([(notBefore ?? 0) - acceptedAt, (expiresAt ?? 0) - acceptedAt]).toEqual([
      ...[60_000, 3_600_000],
    ]);
  });

  test.each([
    ["X-Delay-Seconds", "-1", 0],
    ["X-Delay-Seconds", "1.5", 0],
    ["X-Delay-Seconds", "604801", 0],
    ["X-Expires-Seconds", "0", 1],
    ["X-Expires-Seconds", "soon", 1],
  ])("%s: %s is refused", async (name, value, least) => {
    const response = await call("/async-function/f", { headers: { [name]: value } });
    expect([response.status, await response.text()]).toEqual([
      400,
      `${name}: expected a whole number of seconds from ${least} to 604800`,
    ]);
  });
});

describe("X-Callback-Url", () => {
  test.each([
    ["ftp://example.org/x"],
    ["javascript:alert(1)"],
    ["/relative"],
    ["http://user:canary-pass@example.org/"],
    ["http://"],
  ])("of %s is refused", async (url) => {
    const response = await call("/async-function/f", { headers: { "x-callback-url": url } });
    expect([response.status, await response.text()]).toEqual([
      400,
      "X-Callback-Url: expected an http or https URL without credentials",
    ]);
    expect(gateway.log.text()).not.toContain("canary-pass");
  });

  test.each([
    ["http://169.254.169.254/latest/meta-data"],
    ["http://10.0.0.1/"],
    ["http://[::1]/"],
    ["http://nats:8222/"],
    ["http://alertmanager.openfaas.svc.cluster.local:9093/api/v2/alerts"],
    ["http://gateway:8080/system/functions"],
  ])("inside the cluster, as %s, is refused", async (url) => {
    const response = await call("/async-function/f", { headers: { "x-callback-url": url } });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringMatching(/^X-Callback-Url: /),
    ]);
  });

  test.each([
    "http://gateway.openfaas:8080/async-function/g",
    "http://gateway:8080/function/g?x=1",
  ])("of a function of the platform's own, as %s, is taken", async (url) => {
    const stored = await store("/async-function/f", { headers: { "x-callback-url": url } });
    expect(stored.callback?.href).toBe(url);
  });
});

describe("a body", () => {
  test.each([0, 1, QUEUE.maxInlineBytes - 1, QUEUE.maxInlineBytes, QUEUE.maxInlineBytes + 1])(
    "of %d bytes is stored whole",
    async (bytes) => {
      const body = Buffer.alloc(bytes, Buffer.from([0, 1, 0x80, 0xff, 0x0a]));
      const stored = await store("/async-function/f", { body });
      expect((await readBody(stored)).equals(body)).toBe(true);
    },
  );

  test("of eight MiB is stored beside its message; one byte more is refused", async () => {
    const body = Buffer.alloc(QUEUE.maxBodyBytes, "x");
    const stored = await store("/async-function/f", { body });
    expect(stored.body).toMatchObject({ bytes: QUEUE.maxBodyBytes });
    expect((await readBody(stored)).equals(body)).toBe(true);
    const refused = await call("/async-function/f", { body: Buffer.alloc(body.length + 1) });
    expect([refused.status, await refused.text()]).toEqual([
      413,
      "body: expected at most 8388608 bytes",
    ]);
  });

  test("of unknown length that grows beyond the limit is refused, and nothing stays", async () => {
    const request = openRequest(`${gateway.url}/async-function/f`, { method: "POST" });
    request.on("error", () => undefined);
    const answered = once(request, "response") as Promise<[IncomingMessage]>;
    const size = async (): Promise<number> =>
      (await manager.streams.info(`OBJ_${STREAM.bodies}`)).state.bytes;
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

async function readBody({ body }: QueuedCall): Promise<Buffer> {
  if (Buffer.isBuffer(body)) {
    return body;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of bodies.read(body)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

describe("what is not accepted", () => {
  test("is an unknown function", async () => {
    expect((await call("/async-function/none")).status).toBe(404);
  });

  test("is what there is no room for, with the reason and when to come again", async () => {
    const { config } = await manager.streams.info(STREAM.calls);
    const { state } = await manager.streams.info(STREAM.calls);
    await manager.streams.update(STREAM.calls, { ...config, max_bytes: state.bytes + 10 });
    const response = await call("/async-function/f");
    await manager.streams.update(STREAM.calls, { ...config, max_bytes: -1 });
    expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([
      ...[503, "30", "queue: there is no room for one more call"],
    ]);
    expect((await call("/async-function/f")).status).toBe(202);
  });

  test("is counted by its reason, beside what is accepted", async () => {
    const text = await gateway.metrics();
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

test("streams that are lost with NATS' disk are made again, which is counted", async () => {
  await nats.halt("SIGKILL");
  await nats.lose();
  await nats.start();
  await until("the queue", async () => (await call("/async-function/f")).status === 202);
  await until("the count", async () =>
    (await gateway.metrics()).includes(
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
