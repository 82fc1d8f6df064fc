/** Calls of private functions over real connections: with a mark, only with its body. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as connect, type Server } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { QueuedCall } from "../../../../contract/queue/index.ts";
import { QUEUE, toCallTarget, toQueuedToken } from "../../../../contract/queue/index.ts";
import { QueueMarks } from "../../../../services/gateway/auth/queue-marks.ts";
import { Admission } from "../../../../services/gateway/calls/admission.ts";
import { beginCall } from "../../../../services/gateway/calls/call.ts";
import { CallClock } from "../../../../services/gateway/calls/call-clock.ts";
import { enterPrivate, type Entry } from "../../../../services/gateway/calls/private-call.ts";
import { type Failure, failures } from "../../../../services/gateway/errors.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { CallWorld } from "../../../support/call-world.ts";
import { collectCleanups } from "../../../support/cleanup.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { keyOf, MarkKeyFolder, markOf } from "../../../support/mark-keys.ts";
import { stopServer } from "../../../support/network.ts";
import { LEAST_CALL } from "../../../support/queued-message.ts";

const atEnd = collectCleanups(afterAll);
const clock = new CallClock();
const folder = new MarkKeyFolder();
const marks = new QueueMarks(folder.path, createKeptLog().logger);
const { state } = new CallWorld();
/** Another function, which takes memory as well. */
const { state: other } = new CallWorld();

const call: QueuedCall = {
  ...LEAST_CALL,
  reference: { name: "f", namespace: "fn" },
  path: "/p",
  query: "q=1",
  body: Buffer.from("the body"),
};

let server: Server;
let port: number;
let admission: Admission;
/** What the guard says, and how often it was asked. */
let verdict: Failure | undefined;
let asked: number;
let entry: Entry | undefined;
let seen: IncomingMessage | undefined;
/** What was held while the call was there. */
let isFull: boolean;

beforeAll(async () => {
  atEnd(() => folder.remove());
  server = createServer((request, response) => {
    seen = request;
    const guard = {
      check: () => {
        asked += 1;
        return verdict;
      },
    };
    const context = { guard, marks, admission, clock, readTimeoutMs: 0 };
    const rest = (request.url ?? "").slice("/function/f.fn".length);
    const entering = { request, response, call: beginCall(request), state, rest };
    void enterPrivate(context, entering).then((result) => {
      entry = result;
      isFull = admission.hold(other, QUEUE.maxBodyBytes) !== undefined;
      admission.release(other, isFull ? 0 : QUEUE.maxBodyBytes);
      response.shouldKeepAlive = false;
      response.writeHead(200);
      // What is unread when a connection is closed may take the answer with it.
      const end = (): unknown => response.end();
      request.resume();
      return request.complete ? end() : request.once("end", end);
    });
  });
  port = await listen(server, 0, "127.0.0.1");
  atEnd(() => stopServer(server));
});

beforeEach(() => {
  admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: QUEUE.maxBodyBytes });
  verdict = undefined;
  [asked, entry, seen] = [0, undefined, undefined];
});

afterEach(() => folder.write(keyOf("a")));

interface Sending {
  method?: string;
  target?: string;
  body?: Buffer;
  token?: string;
  headers?: Record<string, string>;
  isChunked?: boolean;
}

/** Sends the call as a queue-worker does, with something else in it; resolves with the entry. */
async function send(mark: string | undefined, changes: Sending = {}): Promise<Entry | undefined> {
  const { method = call.method, body = call.body as Buffer, isChunked = false } = changes;
  const { target = toCallTarget(call), token = toQueuedToken(call) } = changes;
  const request = connect({
    ...{ host: "127.0.0.1", port, agent: false, method, path: `/function/f.fn${target}` },
    headers: {
      ...(mark !== undefined && { "x-plonk-admitted": mark, "x-plonk-queued": token }),
      ...(!isChunked && { "content-length": body.length }),
      ...changes.headers,
    },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "close");
  return entry;
}

describe("a call with its mark", () => {
  test.each([
    ["with its length", false],
    ["in pieces", true],
  ])("comes in with its body, sent %s, and nobody is asked", async (_how, isChunked) => {
    verdict = failures.unauthorized("Basic");
    const headers = { authorization: "Basic x", "x-a": "1" };
    expect(await send(markOf(call), { isChunked, headers })).toEqual({ body: call.body });
    expect(asked).toBe(0);
    expect(seen?.headers).toMatchObject({ "x-a": "1" });
    expect(seen?.headers).not.toHaveProperty("authorization");
  });

  test("comes in without a body, when it has none", async () => {
    const bare = { ...call, body: Buffer.alloc(0) };
    expect(await send(markOf(bare), { body: bare.body })).toEqual({ body: Buffer.alloc(0) });
  });

  test("comes in with the largest body", async () => {
    const body = Buffer.alloc(QUEUE.maxBodyBytes, "x");
    const result = (await send(markOf({ ...call, body }), { body })) as { body: Buffer };
    expect(result.body.equals(body)).toBe(true);
  });

  test("and a path of letters beyond ASCII comes in", async () => {
    const far = { ...call, path: "/\u00e9\u00ff", query: "\u00e4" };
    expect(await send(markOf(far), { target: toCallTarget(far) })).toEqual({ body: call.body });
  });

  test("and a callback comes in by the token of that callback", async () => {
    const back = { ...call, callback: new URL("http://a.example/") };
    expect(await send(markOf(back), { token: toQueuedToken(back) })).toEqual({ body: call.body });
  });
});

describe("with the mark of a call, no other one comes in", () => {
  test.each<[string, Sending]>([
    ["of another body", { body: Buffer.from("the bodY") }],
    ["of a longer body", { body: Buffer.from("the body ") }],
    ["of a shorter body", { body: Buffer.from("the bod") }],
    ["of another body in pieces", { body: Buffer.from("the bodY"), isChunked: true }],
    ["without the body", { body: Buffer.alloc(0) }],
    ["of a body above the limit", { body: Buffer.alloc(QUEUE.maxBodyBytes + 1) }],
    ["of one in pieces", { body: Buffer.alloc(QUEUE.maxBodyBytes + 1), isChunked: true }],
  ])("%s: it is refused, whoever sends it", async (_what, changes) => {
    expect(await send(markOf(call), changes)).toEqual({ failure: failures.notAdmitted() });
    expect(asked).toBe(0);
  });

  test.each<[string, Sending]>([
    ["of another method", { method: "PUT" }],
    ["of another path", { target: "/o?q=1" }],
    ["of another query", { target: "/p?q=2" }],
    ["of another nonce", { token: "AAAAAAAAAAAAAAAB" }],
    ["with another callback", { token: `${LEAST_CALL.nonce}.${"A".repeat(43)}` }],
    ["without a nonce", { token: "" }],
  ])("%s: its caller is asked", async (_what, changes) => {
    verdict = failures.unauthorized("Basic");
    expect(await send(markOf(call), changes)).toEqual({ failure: verdict });
    expect(asked).toBe(1);
  });

  test.each([
    ["of another function", () => markOf({ ...call, reference: { name: "g", namespace: "fn" } })],
    ["that is too old", () => markOf(call, "a", Date.now() - 15 * 24 * 3_600_000)],
    ["that is none", () => "yes"],
    ["that does not exist", () => undefined],
  ])("by a mark %s: its caller is asked", async (_what, mark) => {
    expect(await send(mark())).toEqual({});
    expect(asked).toBe(1);
  });
});

describe("a mark of a key that this gateway does not have", () => {
  test("says that another gateway may know it", async () => {
    expect(await send(markOf(call, "x"))).toEqual({ failure: failures.unknownKey() });
    expect(failures.unknownKey()).toMatchObject({ status: 503, retryAfterSeconds: 5 });
  });
});

describe("memory", () => {
  test("is held for a body for as long as its call is there", async () => {
    await send(markOf(call));
    expect(isFull).toBe(true);
    expect(admission.hold(other, QUEUE.maxBodyBytes)).toBeUndefined();
  });

  test("that is not there keeps the call out until there is some", async () => {
    admission.hold(other, QUEUE.maxBodyBytes);
    expect(await send(markOf(call))).toEqual({ failure: failures.overloaded() });
    admission.release(other, QUEUE.maxBodyBytes);
    expect(await send(markOf(call))).toEqual({ body: call.body });
  });
});
