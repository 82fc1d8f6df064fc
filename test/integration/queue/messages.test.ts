/** Messages of all kinds on a real queue: what a function gets of them, and what is thrown away. */
import type { RequestListener } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { encodeCall, QUEUE } from "../../../contract/queue/index.ts";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FROM_GO, LEAST_CALL } from "../../support/queued-message.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

/** In all that is a caller's or a function's own, so that one search finds any of it. */
const CANARY = "canary-7a3e";

let queue: WorkedQueue;

/** Bodies that the gateway has received. */
let bodies: Buffer[];

const atEnd = collectCleanups(afterEach);

beforeEach(async () => {
  queue = await WorkedQueue.create();
  atEnd(() => queue.close());
  await queue.addStream();
  bodies = [];
});

/** Answers when the whole body is here, which it keeps. */
function keepBodies(answer: RequestListener): RequestListener {
  return (request, response) => {
    void buffer(request).then((body) => {
      bodies.push(body);
      answer(request, response);
    });
  };
}

describe("a message that is no call", () => {
  test("of any kind is ended at once, counted as one, and holds nobody up", async () => {
    const f = { Function: "f" };
    const malformed: (string | Uint8Array)[] = [
      "",
      `{"Function": "${CANARY}`,
      Uint8Array.of(0xff, 0x00, 0xfe),
      Buffer.alloc(QUEUE.maxMessageBytes, "["),
      ...[
        null,
        [],
        CANARY,
        {},
        { Function: null },
        { Function: `../${CANARY}` },
        { ...f, Method: "GET /" },
        { ...f, Path: CANARY },
        { ...f, Path: `/${CANARY}\r\nX-A: 1` },
        { ...f, QueryString: `${CANARY} ${CANARY}` },
        { ...f, Header: [CANARY] },
        { ...f, Header: { "X-A": CANARY } },
        { ...f, Header: { "X-A": [5] } },
        { ...f, Header: { [`${CANARY} ${CANARY}`]: ["a"] } },
        { ...f, Header: { "X-A": [`${CANARY}\r\nX-B: 1`] } },
        { ...f, Body: `${CANARY}!` },
        { ...f, CallbackUrl: `http://${CANARY}` },
        { ...f, CallbackUrl: { Scheme: "file", Host: CANARY } },
        { ...f, CallbackUrl: { Scheme: "http", Host: `user:${CANARY}@a` } },
      ].map((message) => JSON.stringify(message)),
    ];
    const heard = await queue.hearWorkers();
    queue.startWorker({ max_inflight: "1" });
    for (const message of malformed) {
      await queue.publishRaw(message);
    }
    await queue.publish("after");
    await queue.untilEmpty();
    // They come in the order of the queue: there is one place.
    await until("word of each", () => heard.length > malformed.length);
    expect(heard).toEqual([...malformed.map(() => "+TERM malformed"), "+ACK"]);
    expect(queue.seen).toEqual(["POST /function/after"]);
    const log = queue.log.text();
    expect(log.match(/"malformed message dropped"/g)).toHaveLength(malformed.length);
    // A name is no secret: it is in the URL's path, and in every log.
    expect(log.replaceAll(`\\"../${CANARY}\\"`, "")).not.toContain(CANARY);
  });
});

describe("a message of OpenFaaS' own publishers", () => {
  test("is a call with a callback, whatever newer versions add and older ones leave null", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    queue.handler = keepBodies((_request, response) => response.writeHead(201).end("done"));
    queue.startWorker();
    const CallbackUrl = {
      ...FROM_GO.CallbackUrl,
      Host: new URL(callbacks.url).host,
      RawFragment: "",
      OmitHost: false,
    };
    const nothing = { Header: null, Body: null, Path: null, QueryString: null, CallbackUrl: null };
    const newer = { QueueName: "faas-request", Annotations: null, Labels: {}, Environment: {} };
    await queue.publishRaw(JSON.stringify({ ...FROM_GO, ...newer, CallbackUrl }));
    await queue.publishRaw(JSON.stringify({ ...FROM_GO, ...nothing }));
    await queue.untilEmpty();
    expect(queue.seen.sort()).toEqual([
      "PUT /function/cat.dev",
      "PUT /function/cat.dev/sub/path?q=1",
    ]);
    expect(bodies.map(String).sort()).toEqual(["", "hello"]);
    expect(callbacks.received).toEqual([
      { body: "done", headers: expect.objectContaining({ "x-call-id": "2749" }) },
    ]);
  });
});

describe("a body", () => {
  test("arrives as it is: bytes of all kinds, none, and as many as a message holds", async () => {
    const lengths: (string | undefined)[] = [];
    queue.handler = keepBodies(({ headers }, response) => {
      lengths.push(headers["content-length"]);
      response.end();
    });
    const room =
      QUEUE.maxMessageBytes - encodeCall({ ...LEAST_CALL, body: Buffer.alloc(3) }).length;
    const most = Buffer.alloc(3 + Math.floor(room / 4) * 3, Buffer.from([0, 1, 0x80, 0xff, 0x0a]));
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    queue.startWorker({ max_inflight: "1" });
    for (const body of [all, Buffer.alloc(0), most]) {
      await queue.publishRaw(encodeCall({ ...LEAST_CALL, body }));
    }
    await queue.untilEmpty();
    expect(lengths).toEqual(["256", "0", String(most.length)]);
    expect(
      bodies.map((body, index) => body.equals([all, Buffer.alloc(0), most][index] ?? body)),
    ).toEqual([true, true, true]);
  });
});

describe("the log", () => {
  test("tells of calls by name, id and status, and nothing else of them", async () => {
    const statuses: Record<string, number> = { bad: 500, refuse: 404 };
    queue.handler = keepBodies(({ url = "" }, response) => {
      const status = statuses[url.split("/").at(-2) ?? ""] ?? 200;
      response.writeHead(status, { "x-own": CANARY }).end(CANARY);
    });
    queue.startWorker({ max_attempts: "2" });
    const host = `http://127.0.0.1:${queue.gatewayPort}`;
    const callbacks = ["accept", "refuse"].map(
      (name) => new URL(`${host}/${name}/${CANARY}?${CANARY}`),
    );
    const call = {
      ...LEAST_CALL,
      path: `/${CANARY}`,
      query: CANARY,
      host: CANARY,
      headers: { "X-Call-Id": ["id-1"], Authorization: [CANARY], [CANARY]: ["v"] },
      body: Buffer.from(CANARY),
    };
    for (const functionName of ["good", "bad"]) {
      for (const callback of [undefined, ...callbacks]) {
        await queue.publishRaw(encodeCall({ ...call, functionName, callback }));
      }
    }
    await queue.untilEmpty();
    const log = queue.log.text();
    const count = (line: RegExp): number => log.match(line)?.length ?? 0;
    expect(count(/"good","callId":"id-1","status":200,"attempt":1,.*"call done"/g)).toBe(3);
    expect(count(/"bad","callId":"id-1","status":500,"attempt":1,.*"call failed, /g)).toBe(3);
    expect(count(/"bad","callId":"id-1","status":500,"attempt":2,.*"call done"/g)).toBe(3);
    expect(count(/"callback not accepted"/g)).toBe(2);
    expect(log).not.toContain(CANARY);
  });
});
