/** Asynchronous calls on their way into the queue, over real connections; the queue is a test's. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as connect, type Server } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  MalformedMessageError,
  QUEUE,
  type QueuedCall,
  toCallTarget,
} from "../../../../contract/queue/index.ts";
import { toBodyDigest, toMarkedCall } from "../../../../services/gateway/auth/queue-mark.ts";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import { Admission } from "../../../../services/gateway/calls/admission.ts";
import {
  type Acceptance,
  type AsyncPublisher,
  MessageTooLargeError,
  QueueFullError,
} from "../../../../services/gateway/calls/async-publisher.ts";
import { CallClock } from "../../../../services/gateway/calls/call-clock.ts";
import { enqueue, type EnqueueContext } from "../../../../services/gateway/calls/enqueue.ts";
import type { FunctionStates } from "../../../../services/gateway/calls/function-states.ts";
import { QueueMetrics } from "../../../../services/gateway/calls/queue-metrics.ts";
import { type Failure, failures } from "../../../../services/gateway/errors.ts";
import { TrustedPeers } from "../../../../services/gateway/http/trusted-peers.ts";
import { AddressPolicy } from "../../../../services/lib/address-policy.ts";
import { createRegistry } from "../../../../services/lib/metrics.ts";
import { QueueUnavailableError } from "../../../../services/lib/queue/queue-link.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { FakeBodies } from "../../../support/fake-bodies.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { MarkKeyFolder } from "../../../support/mark-keys.ts";
import { stopServer } from "../../../support/network.ts";
import { until } from "../../../support/until.ts";

const atEnd = collectCleanups(afterAll);
const folder = new MarkKeyFolder();
const log = createKeptLog();
const ROOM = 4 * QUEUE.maxBodyBytes;
const { state } = new CallWorld();
/** Another function, which takes memory as well. */
const { state: other } = new CallWorld();

let server: Server;
let port: number;
let context: EnqueueContext;
let admission: Admission;
let registry: ReturnType<typeof createRegistry>;
let bodies: FakeBodies;
/** What was published, and with which options. */
let published: { call: QueuedCall; options: object }[];
let answer: () => Promise<Acceptance>;
/** What the guard says of the caller. */
let verdict: Failure | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    const [path = "", query] = (request.url ?? "").split("?", 2);
    const target = { path, query: query === undefined ? "" : `?${query}` };
    enqueue(context, { request, response, target });
  });
  server.on("checkContinue", (request, response) => server.emit("request", request, response));
  port = await listen(server, 0, "127.0.0.1");
  atEnd(() => stopServer(server));
  atEnd(() => folder.remove());
});

beforeEach(() => {
  admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: ROOM });
  registry = createRegistry();
  bodies = new FakeBodies();
  published = [];
  verdict = undefined;
  answer = () => Promise.resolve({ id: "7-AAAAAAAAAAAAAAAA", isRepeated: false });
  Object.assign(state, { isPrivate: false, asyncOrigins: undefined });
  const queue = {
    maxInlineBytes: QUEUE.maxInlineBytes,
    keep: (name: string, source: AsyncIterable<Uint8Array>) => bodies.write(name, source),
    forget: (body: QueuedCall["body"]) =>
      Buffer.isBuffer(body) ? Promise.resolve() : bodies.delete(body),
    publish: (call: QueuedCall, options: object) => {
      published.push({ call, options });
      return answer();
    },
  };
  const states = {
    find: (segment: string) => (segment === "f" || segment === "f.fn" ? state : undefined),
    explain: (segment: string) => failures.functionNotFound(segment),
  };
  context = {
    states: states as unknown as FunctionStates,
    guard: { check: () => verdict },
    marks: new QueueMarks(folder.path, log.logger),
    admission,
    peers: new TrustedPeers(),
    queue: queue as unknown as AsyncPublisher,
    queueRules: { callbacks: new AddressPolicy([]), ownHosts: ["gateway.openfaas"] },
    queueMetrics: new QueueMetrics(registry),
    clock: new CallClock(),
    readTimeoutMs: 0,
    logger: log.logger,
  };
});

afterEach(async () => {
  // Whatever came of a call, its memory is given back.
  await until("all memory", () => !isAnyHeld());
});

function isAnyHeld(): boolean {
  return state.heldBytes > 0;
}

interface Sending {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

const begin = (path: string, { method = "POST", headers = {} }: Sending = {}) =>
  connect({
    host: "127.0.0.1",
    port,
    path: `/async-function/${path}`,
    method,
    headers,
    agent: false,
  });

async function send(path: string, sending: Sending = {}) {
  const { body = "hello" } = sending;
  const length = { "content-length": String(Buffer.byteLength(body)) };
  const request = begin(path, { ...sending, headers: { ...length, ...sending.headers } });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  const { statusCode, headers } = response;
  return { status: statusCode, headers, text: Buffer.concat(chunks).toString() };
}

const only = (): QueuedCall => published[0]?.call ?? ({} as QueuedCall);

describe("a call that is accepted", () => {
  test("is queued as it came, and its answer says where it is found", async () => {
    const headers = { "x-a": "1", "content-type": "text/x" };
    const { status, headers: told, text } = await send("f/p/q?a=b", { method: "PUT", headers });
    expect([status, text, told.location]).toEqual([202, "", "/async/calls/7-AAAAAAAAAAAAAAAA"]);
    expect(only()).toMatchObject({
      reference: { name: "f", namespace: "fn" },
      calledAs: "f",
      method: "PUT",
      path: "/p/q",
      query: "a=b",
      headers: { "X-A": ["1"], "Content-Type": ["text/x"] },
      body: Buffer.from("hello"),
    });
    expect(published[0]?.options).toEqual({ queue: "faas-request", messageId: undefined });
  });

  test("has the queue's id where its caller gave none, also for the function", async () => {
    const { headers } = await send("f");
    expect(headers["x-call-id"]).toBe("7-AAAAAAAAAAAAAAAA");
    expect(only().headers).not.toHaveProperty("X-Call-Id");
    const own = await send("f", { headers: { "x-call-id": "mine" } });
    expect(own.headers["x-call-id"]).toBe("mine");
    expect(published[1]?.call.headers["X-Call-Id"]).toEqual(["mine"]);
  });

  test("has its times counted from when it was accepted", async () => {
    const headers = {
      "x-delay-seconds": "60",
      "x-expires-seconds": "120",
      "x-keep-result-seconds": "30",
    };
    await send("f", { headers });
    const { acceptedAt, notBefore, expiresAt, keepResultSeconds } = only();
    expect([notBefore, expiresAt, keepResultSeconds]).toEqual([
      acceptedAt + 60_000,
      acceptedAt + 120_000,
      30,
    ]);
  });

  test("a second time says so, and keeps no second body", async () => {
    answer = () => Promise.resolve({ id: "3-AAAAAAAAAAAAAAAA", isRepeated: true });
    const body = Buffer.alloc(QUEUE.maxInlineBytes + 1);
    const { status, headers } = await send("f", { body, headers: { "idempotency-key": "k" } });
    expect([status, headers["idempotency-replayed"], headers.location]).toEqual([
      202,
      "true",
      "/async/calls/3-AAAAAAAAAAAAAAAA",
    ]);
    expect(bodies.kept.size).toBe(0);
  });

  test("a second time, when it is over, has no place to be found at", async () => {
    answer = () => Promise.resolve({ id: undefined, isRepeated: true });
    const { status, headers } = await send("f", { headers: { "idempotency-key": "k" } });
    expect([status, headers.location]).toEqual([202, undefined]);
    expect(headers["x-call-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("is counted with its function", async () => {
    await send("f");
    const counted = 'gateway_queue_accepted_total{function_name="f.fn",repeated="false"} 1';
    expect(await registry.metrics()).toContain(counted);
  });
});

describe("a large body", () => {
  const body = Buffer.alloc(QUEUE.maxInlineBytes + 1, "x");

  test("is kept beside its message, under the call's nonce", async () => {
    expect((await send("f", { body })).status).toBe(202);
    expect(only().body).toEqual({ name: only().nonce, bytes: body.length });
    expect(bodies.kept.get(only().nonce)?.equals(body)).toBe(true);
  });

  test.each<[string, Error, number, string, number]>([
    ["there is no room", new QueueFullError("full"), 503, "PLONK_QUEUE_STORE_FULL", 0],
    ["it is no call", new MalformedMessageError([]), 400, "PLONK_BAD_REQUEST", 0],
    ["no message takes it", new MessageTooLargeError("m"), 413, "PLONK_MESSAGE_TOO_LARGE", 0],
    ["nobody has answered", new QueueUnavailableError("q"), 503, "PLONK_QUEUE_UNAVAILABLE", 1],
  ])("is kept only where the call may be stored: when %s", async (...row) => {
    const [, error, status, code, kept] = row;
    answer = () => Promise.reject(error);
    const refused = await send("f", { body });
    expect([refused.status, refused.headers["x-plonk-code"]]).toEqual([status, code]);
    expect(bodies.kept.size).toBe(kept);
  });

  test("above the limit is refused before any of it is read", async () => {
    const headers = { "content-length": String(QUEUE.maxBodyBytes + 1), expect: "100-continue" };
    const request = begin("f", { headers });
    let isInvited = false;
    request.on("continue", () => (isInvited = true));
    request.flushHeaders();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    expect([response.statusCode, isInvited]).toEqual([413, false]);
    request.destroy();
    expect(published).toEqual([]);
  });

  test("whose caller goes away is no call, and leaves nothing behind", async () => {
    const request = begin("f", { headers: { "content-length": "900000" } });
    request.on("error", () => undefined);
    request.write(Buffer.alloc(400_000));
    await until("the memory to be held", isAnyHeld);
    request.destroy();
    await until("the memory to be free", () => !isAnyHeld());
    expect([published, bodies.kept.size]).toEqual([[], 0]);
  });
});

describe("what is no call", () => {
  test.each(["", "%20", "f%2f", "/f"])("is a path without a name: %j", async (path) => {
    const { status, text } = await send(path);
    expect([status, text]).toEqual([404, "404 page not found\n"]);
  });

  test("is one of an unknown function, which is counted without its name", async () => {
    const { status, headers } = await send("canary");
    expect([status, headers["x-plonk-code"]]).toEqual([404, "PLONK_FUNCTION_NOT_FOUND"]);
    const metrics = await registry.metrics();
    expect(metrics).toContain('code="PLONK_FUNCTION_NOT_FOUND"');
    expect(metrics).not.toContain("canary");
  });

  test("is TRACE, whatever method the function would take", async () => {
    const { status, headers } = await send("f", { method: "TRACE", body: "" });
    expect([status, headers.allow]).toEqual([405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"]);
    expect(published).toEqual([]);
  });

  test.each([
    ["x-delay-seconds", "soon", "PLONK_BAD_REQUEST"],
    ["x-callback-url", "ftp://a.example", "PLONK_BAD_CALLBACK_URL"],
    ["x-callback-url", "http://gateway.openfaas:8080/function/none", "PLONK_BAD_CALLBACK_URL"],
  ])("is one with %s: %s", async (name, value, code) => {
    const { status, headers } = await send("f", { headers: { [name]: value } });
    expect([status, headers["x-plonk-code"], published.length]).toEqual([400, code, 0]);
  });

  test("is one for which there is no memory left", async () => {
    admission.hold(other, ROOM);
    const { status, headers } = await send("f");
    expect([status, headers["x-plonk-code"], headers["retry-after"]]).toEqual([
      503,
      "PLONK_OVERLOADED",
      "1",
    ]);
    admission.release(other, ROOM);
  });
});

describe("a private function", () => {
  beforeEach(() => void (state.isPrivate = true));

  test("is queued with a mark for this call and this body alone", async () => {
    await send("f/p?q=1", { body: "secret", headers: { authorization: "Basic x" } });
    const [mark = ""] = only().headers["X-Plonk-Admitted"] ?? [];
    expect(context.marks.read(toMarkedCall(only()), mark)).toEqual({
      kind: "ours",
      bodyDigest: toBodyDigest(Buffer.from("secret")),
    });
    expect(toCallTarget(only())).toBe("/p?q=1");
  });

  test("is not queued by who may not call it, whose body is not even read", async () => {
    verdict = failures.unauthorized("Basic");
    const { status, headers } = await send("f", { body: Buffer.alloc(100_000) });
    expect([status, headers["www-authenticate"]]).toEqual([401, "Basic"]);
    expect(published).toEqual([]);
  });

  test("is not queued by a gateway without a key", async () => {
    context.marks = new QueueMarks(undefined, log.logger);
    const { status, headers } = await send("f");
    expect([status, headers["x-plonk-code"]]).toEqual([503, "PLONK_NO_QUEUE_KEY"]);
  });
});

describe("a page of another site", () => {
  const origin = "https://page.example";

  test("is told whether it may call, without a call", async () => {
    Object.assign(state, { asyncOrigins: [origin] });
    const headers = { origin, "access-control-request-method": "POST" };
    const asked = await send("f", { method: "OPTIONS", headers, body: "" });
    expect([asked.status, asked.headers["access-control-allow-origin"]]).toEqual([204, origin]);
    const other = { ...headers, origin: "https://other.example" };
    const refused = await send("f", { method: "OPTIONS", headers: other, body: "" });
    expect([refused.status, refused.headers["x-plonk-code"]]).toEqual([
      403,
      "PLONK_ORIGIN_NOT_ALLOWED",
    ]);
    expect(published).toEqual([]);
  });

  test("may read that its call was refused", async () => {
    Object.assign(state, { asyncOrigins: ["*"] });
    const { status, headers } = await send("f", { headers: { origin, "x-delay-seconds": "x" } });
    expect([status, headers["access-control-allow-origin"]]).toEqual([400, "*"]);
  });
});
