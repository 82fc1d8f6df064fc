/** Messages of all kinds on a real queue: what a function gets of them, and which are letters. */
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { jetstream } from "@nats-io/jetstream";
import { QUEUE, STREAM, toLane } from "../../../contract/queue/index.ts";
import { BodyStore } from "../../../services/lib/queue/body-store.ts";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FROM_GO } from "../../support/queued-message.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

/** In all that is a caller's or a function's own, so that one search finds any of it. */
const CANARY = "canary-7a3e";

let queue: WorkedQueue;

/** Bodies that the gateway has received, and the headers that came with them. */
let bodies: Buffer[];
let heads: IncomingHttpHeaders[];

const atEnd = collectCleanups(afterEach);

beforeEach(async () => {
  queue = await WorkedQueue.create();
  atEnd(() => queue.close());
  await queue.addStreams();
  bodies = [];
  heads = [];
});

/** Answers when the whole body is here, which it keeps. */
function keepBodies(answer: RequestListener): RequestListener {
  return (request, response) => {
    void buffer(request).then((body) => {
      bodies.push(body);
      heads.push(request.headers);
      answer(request, response);
    });
  };
}

describe("a message that is no call", () => {
  test("of any kind is a dead letter at once, whose reason shows no secret", async () => {
    const f = { Function: "f" };
    const malformed: (string | Buffer)[] = [
      "",
      `{"Function": "${CANARY}`,
      Buffer.from([0xff, 0x00, 0xfe]),
      Buffer.alloc(QUEUE.maxMessageBytes - 1024, "["),
      ...[
        null,
        [],
        CANARY,
        {},
        { Function: null },
        { Function: `../${CANARY}` },
        { Function: "a..b" },
        { Function: "UPPER" },
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
    for (const message of malformed) {
      await queue.publishRaw(QUEUE.subject, [], Buffer.from(message));
    }
    const lane = toLane({ namespace: "openfaas-fn", name: "f" }, QUEUE.name);
    await queue.publishRaw(lane, [["Plonk-Nonce", CANARY]], Buffer.alloc(0));
    await queue.publishRaw(lane, [], Buffer.from(CANARY));
    queue.startWorker();
    await queue.publish("after");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(["POST /function/after.openfaas-fn"]);
    const letters = await queue.letters();
    expect(letters.map(({ kind }) => kind)).toEqual([
      ...malformed.map(() => "malformed"),
      ...["malformed", "malformed"],
    ]);
    // A name is no secret: it is in the URL's path, and in every log.
    const told = queue.log.text() + JSON.stringify(letters.map(({ reason }) => reason));
    expect(told.replaceAll(/\\+"\.\.\/canary-7a3e\\+"/g, "")).not.toContain(CANARY);
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
    await queue.publishForeign({ ...FROM_GO, ...newer, CallbackUrl });
    await queue.publishForeign({ ...FROM_GO, ...nothing });
    await queue.untilEmpty();
    await queue.untilEmpty(STREAM.callbacks);
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

describe("what a function gets", () => {
  test("is the body as it is: bytes of all kinds, none, and large ones from the store", async () => {
    const lengths: (string | undefined)[] = [];
    queue.handler = keepBodies(({ headers }, response) => {
      lengths.push(headers["content-length"]);
      response.end();
    });
    const store = await BodyStore.open(jetstream(queue.connection));
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const large = Buffer.alloc(QUEUE.maxBodyBytes, all);
    const stored = await store.write("large", [large] as never);
    queue.startWorker({ max_inflight_per_function: "1" });
    for (const body of [all, Buffer.alloc(0), stored]) {
      await queue.publish("f", { body });
    }
    await queue.untilEmpty();
    expect(lengths).toEqual(["256", "0", String(large.length)]);
    const sent = [all, Buffer.alloc(0), large];
    expect(bodies.map((body, index) => body.equals(sent[index] ?? body))).toEqual([
      ...[true, true, true],
    ]);
    await until("the store to forget it", () =>
      store
        .read(stored)
        .next()
        .then(
          () => false,
          () => true,
        ),
    );
  });

  test("is its own id as X-Call-Id where the caller gave none", async () => {
    queue.handler = keepBodies((_request, response) => response.end());
    queue.startWorker();
    const id = await queue.publish("f");
    await queue.publish("f", { headers: { "X-Call-Id": ["theirs"] } });
    await queue.untilEmpty();
    expect(heads.map((headers) => headers["x-call-id"]).sort()).toEqual([id, "theirs"].sort());
  });

  test.each(["/a\\b", '/%7B"', "/{a}", "/%5C..%5Cx", "/a%2F..%2fb", "/^|`", "/;,"])(
    "is the path %s as it was sent",
    async (path) => {
      queue.startWorker();
      await queue.publish("f", { path, query: '\\{"}' });
      await queue.untilEmpty();
      expect(queue.seen).toEqual([`POST /function/f.openfaas-fn${path}?\\{"}`]);
    },
  );
});

describe("the log", () => {
  test("tells of calls by name, id and status, and nothing else of them", async () => {
    const statuses: Record<string, number> = { bad: 500, refuse: 404 };
    queue.handler = keepBodies(({ url = "" }, response) => {
      const name = /^\/(?:function\/)?(\w+)/.exec(url)?.[1] ?? "";
      const status = statuses[name] ?? 200;
      response.writeHead(status, { "x-own": CANARY }).end(CANARY);
    });
    queue.startWorker({ max_attempts: "2" });
    const host = `http://127.0.0.1:${queue.gatewayPort}`;
    const callbacks = ["accept", "refuse"].map(
      (name) => new URL(`${host}/${name}/${CANARY}?${CANARY}`),
    );
    const call = {
      path: `/${CANARY}`,
      query: CANARY,
      host: CANARY,
      headers: { "X-Call-Id": ["id-1"], Authorization: [CANARY], [CANARY]: ["v"] },
      body: Buffer.from(CANARY),
    };
    for (const name of ["good", "bad"]) {
      for (const callback of [undefined, ...callbacks]) {
        await queue.publish(name, { ...call, callback });
      }
    }
    await queue.untilEmpty();
    await queue.untilEmpty(STREAM.callbacks);
    const log = queue.log.text();
    const count = (line: RegExp): number => log.match(line)?.length ?? 0;
    expect(count(/"good.openfaas-fn",.*"callId":"id-1","status":200,.*"call done"/g)).toBe(3);
    expect(count(/"bad.openfaas-fn",.*"callId":"id-1","status":500,.*"call failed, /g)).toBe(3);
    expect(count(/"reason":"status 500 after 2 attempts","msg":"dead letter"/g)).toBe(3);
    expect(count(/"callback given up"/g)).toBe(2);
    expect(log).not.toContain(CANARY);
  });
});
