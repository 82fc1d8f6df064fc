/** What a caller hears of its call: the callback of each end. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { decodeCallback, type QueuedCall, readLetter } from "../../../contract/queue/index.ts";
import { ProcessorWorld } from "../../support/processor-world.ts";
import { until } from "../../support/until.ts";

const ID = "7-AAAAAAAAAAAAAAAA";
const CALLBACK = new URL("http://a.example/cb");
let world: ProcessorWorld;

beforeEach(() => {
  world = new ProcessorWorld();
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
    await world.handle({ callback: CALLBACK }, world.again({ attempts: 1 }));
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

  test.each<[string, object, string]>([
    ["a delay", { attempts: 0 }, "0"],
    ["what the platform kept back", { attempts: 1 }, "1"],
    ["runs that were cut", { attempts: 1, starts: 2 }, "3"],
  ])("counts repetitions alone: %s", async (_, known, repetitions) => {
    await world.handle({ callback: CALLBACK }, { ...world.again(known), deliveryCount: 7 });
    expect(readCallback().headers["x-retry"]).toEqual([repetitions]);
  });

  test("is queued before the letter of a call that is dead", async () => {
    world.run = { status: 500 };
    await world.handle({ callback: CALLBACK }, world.again({ attempts: 3 }));
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

  test.each<[string, Partial<QueuedCall>, object]>([
    ["it was not begun in time", { expiresAt: Date.now() }, { attempts: 2 }],
    ["its worker ended 5 times while it ran", {}, { attempts: 2, starts: 5 }],
  ])(
    "says that %s, once, also while there is no room for the letter",
    async (reason, call, known) => {
      world.queue.failures.set("faas-dead", new Error("maximum bytes exceeded"));
      const expected = { isDone: false, waitMs: 5000 };
      expect(await world.handle({ callback: CALLBACK, ...call }, world.again(known))).toEqual(
        expected,
      );
      expect(readCallback()).toMatchObject({
        id: ID,
        url: CALLBACK,
        body: Buffer.from(`${reason}\n`),
        headers: {
          "content-type": ["text/plain; charset=utf-8"],
          "x-call-id": [ID],
          "x-function-status": ["503"],
          "x-retry": ["1"],
          "x-retry-max": ["3"],
        },
      });
      // As it was told after the first try.
      const told = world.again({ ...known, reason });
      expect(await world.handle({ callback: CALLBACK, ...call }, told)).toEqual(expected);
      expect(world.queue.stored).toHaveLength(1);
      world.queue.failures.clear();
      expect(await world.handle({ callback: CALLBACK, ...call }, told)).toEqual({ isDone: true });
      expect(world.events.filter((event) => event.startsWith("store"))).toEqual([
        expect.stringMatching(/^store faas-callback\./),
        "store faas-dead.openfaas-fn.f",
      ]);
    },
  );

  test("says why a call has died that nobody has answered", async () => {
    world.run = { status: 0 };
    await world.handle({ callback: CALLBACK, acceptedAt: Date.now() - 2 * 3_600_000 });
    const { body, headers } = readCallback();
    expect(String(body as Buffer)).toMatch(/^not run in 72\d\d s: no answer\n$/);
    expect(headers).toMatchObject({ "x-function-status": ["503"] });
  });

  test("that cannot be queued is tried with the answer that there is, and without a run", async () => {
    world.queue.failures.set("faas-callback", new Error("no responders"));
    world.run = { status: 200, capture: { body: Buffer.from("tea"), isTruncated: false } };
    const handled = world.handle({ callback: CALLBACK });
    await until("an attempt", () => world.log.text().includes("callback not queued"));
    expect(world.events.filter((event) => event.startsWith("tell done"))).toEqual([]);
    world.queue.failures.clear();
    expect(await handled).toEqual({ isDone: true });
    expect(world.events.filter((event) => event.startsWith("run"))).toHaveLength(1);
    expect(readCallback()).toMatchObject({ id: ID, body: Buffer.from("tea") });
  });

  test("that cannot be queued keeps its call for another worker when this one ends", async () => {
    world.queue.failures.set("faas-callback", new Error("no responders"));
    const handled = world.handle({ callback: CALLBACK });
    await until("an attempt", () => world.log.text().includes("callback not queued"));
    world.callbacks.close();
    expect(await handled).toEqual({ isDone: false, waitMs: 5000 });
    expect(world.events.filter((event) => event.startsWith("tell done"))).toEqual([]);
  });

  test("that NATS would never take makes its call a dead letter that says so", async () => {
    world = new ProcessorWorld(1000);
    world.run = { status: 200, capture: { body: Buffer.alloc(2000), isTruncated: false } };
    expect(await world.handle({ callback: CALLBACK })).toEqual({ isDone: true });
    const reason = /^its callback cannot be queued: .*at most 1000 bytes/;
    expect(readLetter(world.queue.only.fields)).toMatchObject({
      kind: "call",
      status: 200,
      reason: expect.stringMatching(reason) as unknown,
    });
    expect(world.events.at(-1)).toMatch(/^tell dead /);
  });
});
