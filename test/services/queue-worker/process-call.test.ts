/** One call from delivery to its settlement: each way that it can take. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { decodeCallback, type QueuedCall, readLetter } from "../../../contract/queue/index.ts";
import type { Run } from "../../../services/queue-worker/call-function.ts";
import { createDelivery, deliverCall, type DeliveryOptions } from "../../support/delivery.ts";
import { ProcessorWorld } from "../../support/processor-world.ts";
import { until } from "../../support/until.ts";

const ID = "7-AAAAAAAAAAAAAAAA";
const CALLBACK = new URL("http://a.example/cb");
let world: ProcessorWorld;

beforeEach(() => {
  world = new ProcessorWorld();
});

function handle(call: Partial<QueuedCall> = {}, options: DeliveryOptions = {}) {
  return world.processor.handle(
    deliverCall({ acceptedAt: Date.now(), ...call }, options),
    world.lane,
  );
}

const again = (known: object) => {
  world.known = { state: "running", attempts: 0, starts: 0, at: 0, ...known };
  return { deliveryCount: 2 };
};

describe("a call", () => {
  test("that is answered is done with, and told of", async () => {
    expect(await handle()).toEqual({ isDone: true });
    expect(world.events).toEqual([
      'tell running {"attempts":0,"starts":1}',
      "run /function/f.openfaas-fn",
      'tell done {"attempts":0,"starts":0,"status":200}',
    ]);
    expect(await world.metrics("queue_worker_messages_processed_total")).toEqual([
      'queue_worker_messages_processed_total{function_name="f.openfaas-fn",code="200"} 1',
    ]);
    expect(await world.metrics("queue_worker_function_invocation_inflight")).toEqual([
      'queue_worker_function_invocation_inflight{function_name="f.openfaas-fn"} 0',
    ]);
  });

  test("is not run before it is due", async () => {
    const settlement = await handle({ notBefore: Date.now() + 60_000 });
    const waitMs = settlement.isDone ? NaN : settlement.waitMs;
    expect(waitMs).toBeGreaterThan(59_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    expect(world.events).toEqual([]);
  });

  test("is run when it is due", async () => {
    expect(await handle({ notBefore: Date.now() })).toEqual({ isDone: true });
    expect(world.events).toContain("run /function/f.openfaas-fn");
  });

  test("is not begun after its time, and is a letter", async () => {
    expect(await handle({ expiresAt: Date.now() }, again({ attempts: 2 }))).toEqual({
      isDone: true,
    });
    expect(world.events).toEqual([
      "store faas-dead.openfaas-fn.f",
      'tell expired {"attempts":2,"starts":0,"reason":"it was not begun in time"}',
    ]);
    expect(readLetter(world.queue.only.fields)).toMatchObject({
      kind: "call",
      id: ID,
      reason: "it was not begun in time",
      attempts: 2,
      status: 0,
    });
  });

  test("that was cut with its worker four times is run once more", async () => {
    await handle({}, again({ starts: 4 }));
    expect(world.events[0]).toBe('tell running {"attempts":0,"starts":5}');
  });

  test("that was cut with its worker five times is not run again", async () => {
    expect(await handle({}, again({ starts: 5, attempts: 1 }))).toEqual({ isDone: true });
    const reason = "its worker ended 5 times while it ran";
    expect(readLetter(world.queue.only.fields)).toMatchObject({ reason, attempts: 1 });
    expect(world.events).not.toContain("run /function/f.openfaas-fn");
  });

  test.each(["done", "dead", "cancelled", "expired"])(
    "that is known as %s is not run again: only its acknowledgement was lost",
    async (state) => {
      expect(await handle({}, again({ state }))).toEqual({ isDone: true });
      expect(world.events).toEqual([]);
    },
  );

  test("is not asked after where nobody had it before", async () => {
    world.known = { state: "done", attempts: 0, starts: 0, at: 0 };
    await handle();
    expect(world.events).toContain("run /function/f.openfaas-fn");
  });

  test("is given back where its state cannot be read", async () => {
    world.readFailure = new Error("no responders");
    expect(await handle({}, { deliveryCount: 2 })).toEqual({ isDone: false, waitMs: 5000 });
    expect(world.events).toEqual([]);
  });

  test("that is cancelled while it runs is done with, and nothing more is said", async () => {
    world.whileRunning = () => world.cancel(ID);
    expect(await handle({ callback: CALLBACK })).toEqual({ isDone: true });
    expect(world.events).toEqual([
      'tell running {"attempts":0,"starts":1}',
      "run /function/f.openfaas-fn",
    ]);
  });

  test("whose message is none is a malformed letter", async () => {
    expect(await world.processor.handle(createDelivery(), world.lane)).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields)).toMatchObject({ kind: "malformed", id: "" });
  });
});

describe("a call is repeated", () => {
  test.each<[string, Partial<Run>, { why: string; attempts: number; waitMs: [number, number] }]>([
    ["failed", { status: 500 }, { why: "failed", attempts: 2, waitMs: [1000, 2000] }],
    ["was busy", { status: 429 }, { why: "busy", attempts: 1, waitMs: [250, 500] }],
    ["did not answer", { status: 0 }, { why: "infrastructure", attempts: 1, waitMs: [1000, 2000] }],
  ])("where its function %s", async (_what, run, { why, attempts, waitMs: [least, most] }) => {
    world.run = run;
    const settlement = await handle({ callback: CALLBACK }, again({ attempts: 1 }));
    const waitMs = settlement.isDone ? NaN : settlement.waitMs;
    expect(waitMs).toBeGreaterThanOrEqual(least);
    expect(waitMs).toBeLessThanOrEqual(most);
    const told = { attempts, starts: 0, status: run.status, reason: why };
    expect(world.events.at(-1)).toBe(`tell retrying ${JSON.stringify(told)}`);
    expect(world.queue.stored).toEqual([]);
    expect(await world.metrics("queue_worker_messages_retried_total")).toEqual([
      `queue_worker_messages_retried_total{function_name="f.openfaas-fn",reason="${why}"} 1`,
    ]);
  });

  test("less at once where its function was busy, and more where it answered", async () => {
    world.lane.inFlight = 8;
    world.run = { status: 429 };
    await handle();
    expect(world.lane.limit.current).toBe(4);
    world.run = { status: 500 };
    for (let count = 0; count < 4; count += 1) {
      await handle();
    }
    expect(world.lane.limit.current).toBe(4);
    await handle();
    expect(world.lane.limit.current).toBe(5);
    world.run = { status: 0 };
    await handle();
    expect(world.lane.limit.current).toBe(5);
  });

  test("by what its function says of repetitions", async () => {
    world.run = { status: 404 };
    const retry = { codes: [404], minWaitMs: 0, maxWaitMs: 0 };
    expect(await handle({ retry })).toEqual({ isDone: false, waitMs: 0 });
    expect(await handle({ retry: { ...retry, attempts: 1 } })).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields).reason).toBe("status 404 after 1 attempts");
  });

  test("and counts its age from when it was due", async () => {
    world.run = { status: 0 };
    const old = Date.now() - 2 * 3_600_000;
    expect(await handle({ acceptedAt: old, notBefore: Date.now() })).toMatchObject({
      isDone: false,
    });
    expect(await handle({ acceptedAt: old })).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields).reason).toBe("not run in 7200 s: no answer");
  });
});

describe("a call is dead", () => {
  test("after its last attempt, with the beginning of its answer", async () => {
    world.run = { status: 500, capture: { body: Buffer.alloc(5000, "a"), isTruncated: false } };
    expect(await handle({}, again({ attempts: 3 }))).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields)).toMatchObject({
      kind: "call",
      id: ID,
      reason: "status 500 after 4 attempts",
      attempts: 4,
      status: 500,
      answer: Buffer.alloc(4096, "a"),
    });
    const told = { attempts: 4, starts: 0, reason: "status 500 after 4 attempts", status: 500 };
    expect(world.events.slice(-2)).toEqual([
      "store faas-dead.openfaas-fn.f",
      `tell dead ${JSON.stringify(told)}`,
    ]);
  });

  test("only when its letter is kept", async () => {
    world.run = { status: 403, code: "PLONK_FORBIDDEN" };
    world.queue.failures.set("faas-dead", new Error("maximum bytes exceeded"));
    expect(await handle()).toEqual({ isDone: false, waitMs: 5000 });
    expect(world.events.filter((event) => event.startsWith("tell dead"))).toEqual([]);
  });
});

describe("a callback", () => {
  const readCallback = () => {
    const found = world.queue.stored.find(({ subject }) => subject.startsWith("faas-callback."));
    const { headers, ...message } = decodeCallback(found?.fields ?? [], found?.payload ?? CR);
    return { ...message, headers: { ...headers } };
  };
  const CR = Buffer.alloc(0);

  test("is queued before its call is done with", async () => {
    world.run = { status: 200, capture: { body: Buffer.from("tea"), isTruncated: false } };
    await handle({ callback: CALLBACK }, again({ attempts: 1 }));
    expect(world.events.slice(2)).toEqual([
      expect.stringMatching(/^store faas-callback\./),
      'tell done {"attempts":0,"starts":0,"status":200}',
    ]);
    expect(readCallback()).toMatchObject({
      id: ID,
      url: CALLBACK,
      body: Buffer.from("tea"),
      headers: { "x-function-status": ["200"], "x-retry": ["1"], "x-retry-max": ["3"] },
    });
  });

  test("is queued before the letter of a call that is dead", async () => {
    world.run = { status: 500 };
    await handle({ callback: CALLBACK }, again({ attempts: 3 }));
    const stored = world.events.filter((event) => event.startsWith("store"));
    expect(stored).toEqual([
      expect.stringMatching(/^store faas-callback\./),
      "store faas-dead.openfaas-fn.f",
    ]);
    expect(readCallback().headers).toMatchObject({
      "x-function-status": ["500"],
      "x-retry": ["3"],
      "x-retry-max": ["3"],
    });
  });

  test("that cannot be queued is tried with the answer that there is, and without a run", async () => {
    world.queue.failures.set("faas-callback", new Error("no responders"));
    world.run = { status: 200, capture: { body: Buffer.from("tea"), isTruncated: false } };
    const handled = handle({ callback: CALLBACK });
    await until("an attempt", () => world.log.text().includes("callback not queued"));
    expect(world.events.filter((event) => event.startsWith("tell done"))).toEqual([]);
    world.queue.failures.clear();
    expect(await handled).toEqual({ isDone: true });
    expect(world.events.filter((event) => event.startsWith("run"))).toHaveLength(1);
    expect(readCallback()).toMatchObject({ id: ID, body: Buffer.from("tea") });
  });

  test("that cannot be queued keeps its call for another worker when this one ends", async () => {
    world.queue.failures.set("faas-callback", new Error("no responders"));
    const handled = handle({ callback: CALLBACK });
    await until("an attempt", () => world.log.text().includes("callback not queued"));
    world.callbacks.close();
    expect(await handled).toEqual({ isDone: false, waitMs: 5000 });
    expect(world.events.filter((event) => event.startsWith("tell done"))).toEqual([]);
  });

  test("that NATS would never take makes its call a dead letter that says so", async () => {
    world = new ProcessorWorld(1000);
    world.run = { status: 200, capture: { body: Buffer.alloc(2000), isTruncated: false } };
    expect(await handle({ callback: CALLBACK })).toEqual({ isDone: true });
    const reason = /^its callback cannot be queued: .*at most 1000 bytes/;
    expect(readLetter(world.queue.only.fields)).toMatchObject({
      kind: "call",
      status: 200,
      reason: expect.stringMatching(reason) as unknown,
    });
    expect(world.events.at(-1)).toMatch(/^tell dead /);
  });
});

describe("a body in the object store", () => {
  const body = { name: "AAAAAAAAAAAAAAAA", bytes: 5 };

  test.each<[string, Partial<Run>, boolean]>([
    ["is forgotten when its call is done with", { status: 200 }, false],
    ["is kept while its call is repeated", { status: 500 }, true],
    ["is kept with its letter", { status: 403, code: "PLONK_FORBIDDEN" }, true],
  ])("%s", async (_what, run, isKept) => {
    world.queue.bodies.kept.set(body.name, Buffer.from("hello"));
    world.run = run;
    await handle({ body });
    expect(world.queue.bodies.kept.has(body.name)).toBe(isKept);
  });

  test("that is gone already is not missed", async () => {
    expect(await handle({ body })).toEqual({ isDone: true });
  });
});

test("logs have the call's id, and nothing that a caller or a function sent", async () => {
  const canary = "canary-c0de";
  const capture = { body: Buffer.from(canary), isTruncated: false };
  for (const status of [200, 500, 0]) {
    world.run = { status, capture, headers: { "x-a": canary } };
    await handle(
      { headers: { Authorization: [canary] }, query: canary, path: `/${canary}` },
      again({ attempts: 3 }),
    );
  }
  expect(world.log.text()).toContain(`"id":"${ID}"`);
  expect(world.log.text()).not.toContain(canary);
});
