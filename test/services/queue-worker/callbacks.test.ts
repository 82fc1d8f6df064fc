/** Callbacks: what is queued of an answer, and what becomes of it at all kinds of receivers. */
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import {
  type CallbackMessage,
  decodeCallback,
  encodeCallback,
  type Fields,
  readLetter,
  STREAM,
} from "../../../contract/queue/index.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { ByteBudget } from "../../../services/queue-worker/byte-budget.ts";
import type { Run } from "../../../services/queue-worker/call-function.ts";
import type { CallbackSender } from "../../../services/queue-worker/callback-sender.ts";
import { Callbacks } from "../../../services/queue-worker/callbacks.ts";
import { DeadLetters } from "../../../services/queue-worker/dead-letters.ts";
import type { Settlement } from "../../../services/queue-worker/lanes.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";
import { toFunctionCall } from "../../../services/queue-worker/queued-call.ts";
import { createDelivery, deliverCall } from "../../support/delivery.ts";
import { FakeQueue } from "../../support/fake-queue.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";

const AGENT = expect.stringMatching(/^plonk-queue-worker\//) as unknown;
const HOUR_MS = 3_600_000;
const URL_TEXT = "http://a.example:81/canary?key=canary";

type Sent = Parameters<CallbackSender["send"]>[0];
type Result = Awaited<ReturnType<CallbackSender["send"]>>;

let queue: FakeQueue;
let registry: Registry;
let log: KeptLog;
let sent: Sent[];
let result: Result;
let callbacks: Callbacks;
/** Lanes that were said to have a callback. */
let hinted: string[];

beforeEach(() => {
  queue = new FakeQueue();
  registry = new Registry();
  log = createKeptLog();
  sent = [];
  result = { status: 200 };
  const metrics = new WorkerMetrics(registry);
  const { link } = queue;
  const { logger } = log;
  const sender = {
    send: (request: Sent) => {
      sent.push(request);
      return Promise.resolve(result);
    },
  } as unknown as CallbackSender;
  const letters = new DeadLetters({ link, metrics, logger });
  hinted = [];
  callbacks = new Callbacks({
    ...{ link, sender, letters, metrics, logger },
    ownSender: sender,
    gatewayUrl: "http://gateway.openfaas:8080",
    budget: new ByteBudget(1024),
    onQueued: (lane) => void hinted.push(lane),
    maxAgeMs: HOUR_MS,
  });
});

const RUN: Run = {
  status: 418,
  headers: { "content-type": "text/plain", "x-kept": ["3", "4"] },
  seconds: 1.5,
  capture: { body: Buffer.from("tea"), isTruncated: false },
};

describe("an answer", () => {
  async function queueAnswer(run: Partial<Run> = {}): Promise<CallbackMessage> {
    const reference = { name: "f", namespace: "dev" };
    const call = toFunctionCall(deliverCall({ reference, headers: { "x-call-ID": ["c1"] } }));
    const repetitions = { count: 2, max: 9 };
    await callbacks.queue(call, new URL(URL_TEXT), { ...RUN, ...run, repetitions });
    return decodeCallback(queue.only.fields, queue.only.payload);
  }

  test("is queued in the lane of its receiver, once for each call", async () => {
    const { id, reference, url, body } = await queueAnswer();
    expect({ id, reference, url, body }).toEqual({
      id: "7-AAAAAAAAAAAAAAAA",
      reference: { name: "f", namespace: "dev" },
      url: new URL(URL_TEXT),
      body: Buffer.from("tea"),
    });
    expect(queue.only.subject).toMatch(/^faas-callback\.[0-9a-f]{32}$/);
    expect(queue.only.messageId).toBe("7-AAAAAAAAAAAAAAAA");
  });

  test("has its own headers, and what the worker knows of the call", async () => {
    expect({ ...(await queueAnswer()).headers }).toEqual({
      "content-type": ["text/plain"],
      "x-kept": ["3", "4"],
      "user-agent": [AGENT],
      "x-duration-seconds": ["1.500000"],
      "x-function-status": ["418"],
      "x-function-name": ["f.dev"],
      "x-call-id": ["c1"],
      "x-retry": ["2"],
      "x-retry-max": ["9"],
    });
  });

  test("has nothing of its connection, and nothing forged", async () => {
    const forged = ["duration-seconds", "function-status", "function-name", "call-id"];
    const others = ["callback-url", "retry", "retry-max", "plonk-truncated"];
    const { headers } = await queueAnswer({
      headers: {
        host: "evil.example",
        expect: "100-continue",
        connection: ["close", "X-First, x-second"],
        "x-first": "1",
        "x-second": "2",
        "x-kept": "3",
        "content-length": "99",
        "transfer-encoding": "chunked",
        "set-cookie": ["a=1"],
        trailer: "x-end",
        "user-agent": "evil",
        ...Object.fromEntries([...forged, ...others].map((name) => [`x-${name}`, "forged"])),
      },
    });
    expect(Object.values(headers).flat()).not.toContain("forged");
    expect(headers["user-agent"]).toEqual([AGENT]);
    const added = ["user-agent", ...forged.map((name) => `x-${name}`), "x-retry", "x-retry-max"];
    expect(Object.keys(headers).sort()).toEqual([...added, "x-kept"].sort());
  });

  test("that is none is a 503, and one that is cut says so", async () => {
    const capture = { body: Buffer.alloc(0), isTruncated: true };
    const { headers } = await queueAnswer({ status: 0, headers: {}, capture });
    expect(headers).toMatchObject({
      "x-function-status": ["503"],
      "x-plonk-truncated": ["true"],
    });
  });

  test("that is large stays in the object store", async () => {
    const body = { name: "AAAAAAAAAAAAAAAA-answer", bytes: 300_000 };
    const message = await queueAnswer({ capture: { body, isTruncated: false } });
    expect(message.body).toEqual(body);
    expect(queue.only.payload).toHaveLength(0);
  });

  test("is tried until the queue is there again, or the worker ends", async () => {
    queue.failures.set("faas-callback", new Error("no responders"));
    const queued = queueAnswer();
    await until("an attempt", () => log.text().includes("callback not queued"));
    queue.failures.clear();
    expect((await queued).body).toEqual(Buffer.from("tea"));
    expect(hinted).toHaveLength(1);
    queue.failures.set("faas-callback", new Error("no responders"));
    const ended = queueAnswer();
    callbacks.close();
    await expect(ended).rejects.toThrow();
    await expect(queueAnswer()).rejects.toThrow();
  });
});

describe("a callback", () => {
  const MESSAGE: CallbackMessage = {
    id: "7-AAAAAAAAAAAAAAAA",
    reference: { name: "f", namespace: "dev" },
    url: new URL(URL_TEXT),
    headers: { "x-own": ["1", "2"] },
    body: Buffer.from("tea"),
  };

  interface Given {
    message?: Partial<CallbackMessage>;
    deliveryCount?: number;
    ageMs?: number;
    fields?: Fields;
  }

  function handle(given: Given = {}): Promise<Settlement> {
    const { message, deliveryCount = 1, ageMs = 0 } = given;
    const encoded = encodeCallback({ ...MESSAGE, ...message });
    const place = { stream: STREAM.callbacks, subject: "faas-callback.ab12" };
    const storedAt = Date.now() - ageMs;
    const { fields = encoded.fields } = given;
    const { payload } = encoded;
    return callbacks.handle(createDelivery({ ...place, deliveryCount, storedAt, fields, payload }));
  }

  test("has its own limit, which a worker that stops waits for", async () => {
    const { fields, payload } = encodeCallback(MESSAGE);
    const delivery = createDelivery({ stream: STREAM.callbacks, fields, payload });
    const handled = callbacks.handle(delivery);
    expect(delivery.endsBy(0)).toBe(Infinity);
    expect(await handled).toEqual({ isDone: true });
    expect(delivery.endsBy(0)).toBeLessThan(Infinity);
  });

  async function counted(): Promise<string[]> {
    const text = await registry.metrics();
    return [...(text.match(/^queue_worker_(callbacks|dead_letters)_total\{.*$/gm) ?? [])];
  }

  test.each([200, 202, 204, 299])("that is taken with %d is done with", async (status) => {
    result = { status };
    expect(await handle()).toEqual({ isDone: true });
    expect(sent).toMatchObject([{ url: MESSAGE.url, body: MESSAGE.body }]);
    expect({ ...sent[0]?.headers }).toEqual({ "x-own": ["1", "2"] });
    expect(await counted()).toEqual([
      `queue_worker_callbacks_total{function_name="f.dev",code="${status}"} 1`,
    ]);
    expect(queue.stored).toEqual([]);
  });

  test("takes its proof to the platform's own gateway", async () => {
    const url = new URL("http://gateway:8080/function/private/x?y");
    await handle({ message: { url, proof: `${"A".repeat(16)}.mark.of-it` } });
    expect(sent[0]?.url.href).toBe("http://gateway.openfaas:8080/function/private/x?y");
    expect({ ...sent[0]?.headers }).toEqual({
      "x-own": ["1", "2"],
      "x-plonk-admitted": ["mark.of-it"],
      "x-plonk-queued": [`callback.${"A".repeat(16)}`],
    });
  });

  test("shows its proof to nobody else", async () => {
    await handle({ message: { proof: `${"A".repeat(16)}.mark` } });
    expect({ ...sent[0]?.headers }).toEqual({ "x-own": ["1", "2"] });
  });

  test.each<[string, Result, string]>([
    ["is sent elsewhere", { status: 302 }, "status 302"],
    ["is not wanted", { status: 404 }, "status 404"],
    ["is not allowed", { refused: "address 10.0.0.1 is private" }, "address 10.0.0.1 is private"],
  ])("that %s is given up at once", async (_what, given, reason) => {
    result = given;
    const status = "status" in given ? given.status : 0;
    expect(await handle({ deliveryCount: 3 })).toEqual({ isDone: true });
    expect(queue.only.subject).toBe("faas-dead._._");
    expect(readLetter(queue.only.fields)).toMatchObject({
      kind: "callback",
      id: MESSAGE.id,
      subject: "faas-callback.ab12",
      reason,
      attempts: 3,
      status,
    });
    expect(await counted()).toEqual([
      'queue_worker_dead_letters_total{function_name="_._",kind="callback"} 1',
      `queue_worker_callbacks_total{function_name="f.dev",code="${status}"} 1`,
    ]);
  });

  test.each<[string, Result]>([
    ["fails", { status: 500 }],
    ["is full", { status: 429 }],
    ["is away", { status: 503 }],
    ["does not answer", { failed: "no answer" }],
  ])("to somebody who %s comes again, until its time is over", async (_who, given) => {
    result = given;
    for (const [deliveryCount, longest] of [
      [1, 1000],
      [4, 8000],
      [40, 300_000],
    ] as const) {
      const settlement = await handle({ deliveryCount });
      const waitMs = settlement.isDone ? NaN : settlement.waitMs;
      expect(waitMs).toBeGreaterThanOrEqual(longest / 2);
      expect(waitMs).toBeLessThanOrEqual(longest);
    }
    expect(queue.stored).toEqual([]);
    expect(await handle({ ageMs: HOUR_MS, deliveryCount: 40 })).toEqual({ isDone: true });
    expect(readLetter(queue.only.fields)).toMatchObject({ kind: "callback", attempts: 40 });
  });

  test("comes again when its receiver says, within five minutes", async () => {
    const waits: [string, number][] = [
      ["7", 7000],
      ["0", 1000],
      ["3600", 300_000],
    ];
    for (const [retryAfter, waitMs] of waits) {
      result = { status: 503, retryAfter };
      expect(await handle()).toEqual({ isDone: false, waitMs });
    }
  });

  test("has its body out of the object store, which forgets it when it is taken", async () => {
    const body = { name: "answer", bytes: 100_000 };
    queue.bodies.kept.set("answer", Buffer.alloc(100_000, "a"));
    result = { status: 500 };
    await handle({ message: { body } });
    expect(queue.bodies.kept.has("answer")).toBe(true);
    result = { status: 200 };
    expect(await handle({ message: { body } })).toEqual({ isDone: true });
    expect(sent[1]?.body).toEqual(Buffer.alloc(100_000, "a"));
    expect(queue.bodies.kept.size).toBe(0);
  });

  test.each([99_999, 100_001])("is not sent with a body of %d bytes", async (bytes) => {
    queue.bodies.kept.set("answer", Buffer.alloc(100_000, "a"));
    expect(await handle({ message: { body: { name: "answer", bytes } } })).toEqual({
      isDone: true,
    });
    const reason = `its body: expected ${bytes} bytes, got 100000`;
    expect(readLetter(queue.only.fields)).toMatchObject({ kind: "callback", reason });
    expect(sent).toEqual([]);
  });

  test("whose body cannot be read now is tried again, and one whose body is gone is not", async () => {
    const message = { body: { name: "gone", bytes: 5 } };
    const read = jest.spyOn(queue.bodies, "read").mockImplementation(() => {
      throw new Error("timeout");
    });
    expect(await handle({ message })).toEqual({ isDone: false, waitMs: 1000 });
    expect(queue.stored).toEqual([]);
    read.mockRestore();
    expect(await handle({ message })).toEqual({ isDone: true });
    const reason = "its body is gone from the object store";
    expect(readLetter(queue.only.fields)).toMatchObject({ kind: "callback", reason, status: 0 });
    expect(sent).toEqual([]);
  });

  test("that is none is a malformed letter", async () => {
    expect(await handle({ fields: [["Plonk-Url", "file:///canary"]] })).toEqual({ isDone: true });
    expect(readLetter(queue.only.fields)).toMatchObject({
      kind: "malformed",
      reason: "Plonk-Url: expected an http or https URL without credentials, got another",
    });
  });

  test("is told of by its host, without its path, its query and its body", async () => {
    for (const given of [{ status: 200 }, { status: 500 }, { status: 404 }]) {
      result = given;
      await handle({ message: { body: Buffer.from("canary") } });
    }
    expect(log.text()).toContain('"host":"a.example:81"');
    expect(log.text()).not.toContain("canary");
  });
});
