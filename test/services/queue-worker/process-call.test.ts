/** One call from delivery to its settlement: each way that it can take. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { readLetter } from "../../../contract/queue/index.ts";
import type { Run } from "../../../services/queue-worker/call-function.ts";
import { createDelivery } from "../../support/delivery.ts";
import { ProcessorWorld } from "../../support/processor-world.ts";

const ID = "7-AAAAAAAAAAAAAAAA";
/** When a worker stops that has all of a test behind it. */
const STOPPED_AT = performance.now() + 3_600_000;
const CALLBACK = new URL("http://a.example/cb");
let world: ProcessorWorld;

beforeEach(() => {
  world = new ProcessorWorld();
});

describe("a call", () => {
  test("that is answered is done with, and told of", async () => {
    expect(await world.handle()).toEqual({ isDone: true });
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

  test.each([
    ["the gateway", {}, Infinity],
    ["nobody", { isUnlimited: true as const }, 300_000],
  ])("has its run ended by %s while the worker stops", async (_who, call, endsBy) => {
    const seen: number[] = [];
    const look = (): void => void seen.push(world.delivery.endsBy(STOPPED_AT) - STOPPED_AT);
    world.whileRunning = () => nextTurn().then(look);
    await world.handle(call);
    look();
    expect(seen).toEqual([endsBy, 300_000]);
  });

  test("is not run before it is due", async () => {
    const settlement = await world.handle({ notBefore: Date.now() + 3_600_000 });
    const waitMs = settlement.isDone ? NaN : settlement.waitMs;
    expect(waitMs).toBeGreaterThan(3_540_000);
    expect(waitMs).toBeLessThanOrEqual(3_600_000);
    expect(world.events).toEqual([]);
  });

  test("is not kept for longer than a week, whatever year the clock says", async () => {
    const settlement = await world.handle({ notBefore: Date.now() + 50 * 365 * 86_400_000 });
    expect(settlement).toEqual({ isDone: false, waitMs: 7 * 86_400_000 });
  });

  test("is run when it is due", async () => {
    expect(await world.handle({ notBefore: Date.now() })).toEqual({ isDone: true });
    expect(world.events).toContain("run /function/f.openfaas-fn");
  });

  test("is not begun after its time, and is a letter", async () => {
    expect(await world.handle({ expiresAt: Date.now() }, world.again({ attempts: 2 }))).toEqual({
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
    await world.handle({}, world.again({ starts: 4 }));
    expect(world.events[0]).toBe('tell running {"attempts":0,"starts":5}');
  });

  test("that was cut with its worker five times is not run again", async () => {
    expect(await world.handle({}, world.again({ starts: 5, attempts: 1 }))).toEqual({
      isDone: true,
    });
    const reason = "its worker ended 5 times while it ran";
    expect(readLetter(world.queue.only.fields)).toMatchObject({ reason, attempts: 1 });
    expect(world.events).not.toContain("run /function/f.openfaas-fn");
  });

  test("that was cut five times stays so while there is no room for its letter", async () => {
    world.queue.failures.set("faas-dead", new Error("maximum bytes exceeded"));
    expect(await world.handle({}, world.again({ starts: 5 }))).toEqual({
      isDone: false,
      waitMs: 5000,
    });
    const reason = "its worker ended 5 times while it ran";
    expect(world.events.at(-1)).toBe(
      `tell retrying {"attempts":0,"starts":5,"reason":"${reason}"}`,
    );
  });

  test.each(["done", "dead", "cancelled", "expired"])(
    "that is known as %s is not run again: only its acknowledgement was lost",
    async (state) => {
      expect(await world.handle({}, world.again({ state }))).toEqual({ isDone: true });
      expect(world.events).toEqual([]);
    },
  );

  test("that its consumer may not remember is asked after at its first delivery", async () => {
    world.lane.madeAt = Date.now() + 60_000;
    world.known = { state: "done", attempts: 0, starts: 0, at: 0 };
    expect(await world.handle()).toEqual({ isDone: true });
    expect(world.events).toEqual([]);
  });

  test.each([
    ["runs", { state: "running", starts: 1 }, 5000],
    ["waits for its time", { state: "retrying", nextAt: Date.now() + 3_600_000 }, 3_600_000],
    ["waits for a year", { state: "retrying", nextAt: Date.now() + 3e10 }, 7 * 86_400_000],
  ])("that its consumer does not remember, but %s, is left for that long", async (_, known, ms) => {
    world.lane.madeAt = Date.now() + 60_000;
    world.again(known);
    const settlement = await world.handle();
    const waitMs = settlement.isDone ? NaN : settlement.waitMs;
    expect(waitMs).toBeGreaterThan(ms - 60_000);
    expect(waitMs).toBeLessThanOrEqual(ms);
    expect(world.events).toEqual([]);
    // The queue gives it again: nobody was at it.
    await world.handle({}, { deliveryCount: 2 });
    expect(world.events).toContain("run /function/f.openfaas-fn");
  });

  test("is not asked after where nobody had it before", async () => {
    world.known = { state: "done", attempts: 0, starts: 0, at: 0 };
    await world.handle();
    expect(world.events).toContain("run /function/f.openfaas-fn");
  });

  test("is given back where its state cannot be read", async () => {
    world.readFailure = new Error("no responders");
    expect(await world.handle({}, { deliveryCount: 2 })).toEqual({ isDone: false, waitMs: 5000 });
    expect(world.events).toEqual([]);
  });

  test("that is cancelled while it runs is done with, and nobody is called back", async () => {
    world.whileRunning = () => world.cancel(ID);
    expect(await world.handle({ callback: CALLBACK })).toEqual({ isDone: true });
    expect(world.events).toEqual([
      'tell running {"attempts":0,"starts":1}',
      "run /function/f.openfaas-fn",
      'tell cancelled {"attempts":0,"starts":0}',
    ]);
  });

  test("that was cancelled on its way to the worker is not run", async () => {
    world.cancel(ID);
    expect(await world.handle({ callback: CALLBACK }, world.again({ attempts: 1 }))).toEqual({
      isDone: true,
    });
    expect(world.events).toEqual(['tell cancelled {"attempts":1,"starts":0}']);
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
    const settlement = await world.handle({ callback: CALLBACK }, world.again({ attempts: 1 }));
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
    world.lane.running = 8;
    world.run = { status: 429 };
    await world.handle();
    expect(world.lane.limit.current).toBe(4);
    world.run = { status: 500 };
    for (let count = 0; count < 4; count += 1) {
      await world.handle();
    }
    expect(world.lane.limit.current).toBe(4);
    await world.handle();
    expect(world.lane.limit.current).toBe(5);
    world.run = { status: 0 };
    await world.handle();
    expect(world.lane.limit.current).toBe(5);
  });

  test("by what its function says of repetitions", async () => {
    world.run = { status: 404 };
    const retry = { codes: [404], minWaitMs: 0, maxWaitMs: 0 };
    expect(await world.handle({ retry })).toEqual({ isDone: false, waitMs: 0 });
    expect(await world.handle({ retry: { ...retry, attempts: 1 } })).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields).reason).toBe("status 404 after 1 attempts");
  });

  test("and counts its age from when it was due", async () => {
    world.run = { status: 0 };
    const old = Date.now() - 2 * 3_600_000;
    expect(await world.handle({ acceptedAt: old, notBefore: Date.now() })).toMatchObject({
      isDone: false,
    });
    expect(await world.handle({ acceptedAt: old })).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields).reason).toMatch(/^not run in 72\d\d s: no answer$/);
  });
});

describe("a call is dead", () => {
  test("after its last attempt, with the beginning of its answer", async () => {
    world.run = { status: 500, capture: { body: Buffer.alloc(5000, "a"), isTruncated: false } };
    expect(await world.handle({}, world.again({ attempts: 3 }))).toEqual({ isDone: true });
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

  test("at once where its body is lost: no run would find it again", async () => {
    const lost = "its body is gone from the object store";
    world.run = { status: 0, lost };
    expect(await world.handle()).toEqual({ isDone: true });
    expect(readLetter(world.queue.only.fields)).toMatchObject({ reason: lost, attempts: 0 });
  });

  test("only when its letter is kept", async () => {
    world.run = { status: 403, code: "PLONK_FORBIDDEN" };
    world.queue.failures.set("faas-dead", new Error("maximum bytes exceeded"));
    expect(await world.handle()).toEqual({ isDone: false, waitMs: 5000 });
    expect(world.events.filter((event) => event.startsWith("tell dead"))).toEqual([]);
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
    await world.handle({ body });
    expect(world.queue.bodies.kept.has(body.name)).toBe(isKept);
  });

  test("that is gone already is not missed", async () => {
    expect(await world.handle({ body })).toEqual({ isDone: true });
  });
});

test("logs have the call's id, and nothing that a caller or a function sent", async () => {
  const canary = "canary-c0de";
  const capture = { body: Buffer.from(canary), isTruncated: false };
  for (const status of [200, 500, 0]) {
    world.run = { status, capture, headers: { "x-a": canary } };
    await world.handle(
      { headers: { Authorization: [canary] }, query: canary, path: `/${canary}` },
      world.again({ attempts: 3 }),
    );
  }
  expect(world.log.text()).toContain(`"id":"${ID}"`);
  expect(world.log.text()).not.toContain(canary);
});
