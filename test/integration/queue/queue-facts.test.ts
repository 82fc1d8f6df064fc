/** What the gateway reads of a real queue to decide how many workers there shall be. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { QUEUE, STREAM, toConsumerSettings, toLane } from "../../../contract/queue/index.ts";
import { QueueFactsReader } from "../../../services/gateway/calls/queue-facts.ts";
import type { QueueFacts } from "../../../services/gateway/calls/worker-scale.ts";
import { CallStates } from "../../../services/lib/queue/call-states.ts";
import type { QueueAccess, QueueLink } from "../../../services/lib/queue/queue-link.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

const HOUR_MS = 3_600_000;

let queue: WorkedQueue;
let connection: NatsConnection;
let manager: JetStreamManager;
let load: { running: number; longestMs: number };
let asked: number;
let reader: QueueFactsReader;

beforeAll(async () => {
  queue = await WorkedQueue.create();
  await queue.addStreams();
  connection = await connect({ servers: `127.0.0.1:${queue.nats.port}` });
  manager = await jetstreamManager(connection);
});

afterAll(async () => {
  await connection.close();
  await queue.close();
});

beforeEach(async () => {
  for (const stream of [STREAM.calls, STREAM.callbacks, STREAM.states]) {
    for await (const { name } of manager.consumers.list(stream)) {
      await manager.consumers.delete(stream, name);
    }
    await manager.streams.purge(stream);
  }
  load = { running: 0, longestMs: 0 };
  asked = 0;
  const access = { connection, manager, client: jetstream(connection) } as unknown as QueueAccess;
  const states = new CallStates({ access, onReady: () => undefined } as unknown as QueueLink);
  reader = new QueueFactsReader({
    access: () => access,
    states: {
      read: (id) => {
        asked += 1;
        return states.read(id);
      },
    },
    loads: { sum: () => load },
    queueNames: ["slow"],
  });
});

/** The facts, with times in whole hours and seconds, as they go on while a test runs. */
async function read(): Promise<QueueFacts> {
  const facts = await reader.read();
  return {
    ...facts,
    oldestWaitMs: Math.floor(facts.oldestWaitMs / 60_000) * 60_000,
    dueInMs: Math.ceil(facts.dueInMs / 60_000) * 60_000,
  };
}

const NOTHING = { waiting: 0, running: 0, longestRunMs: 0, oldestWaitMs: 0, dueInMs: Infinity };

/** Gives the first messages of a lane to a worker, which works on them, or gives them back. */
async function take(name: string, count: number, waitMs?: number): Promise<void> {
  const lane = toLane({ name, namespace: "openfaas-fn" }, QUEUE.name);
  const settings = toConsumerSettings(lane, 60_000);
  await manager.consumers.add(STREAM.calls, settings);
  const consumer = await jetstream(connection).consumers.get(STREAM.calls, settings.durable_name);
  const messages = await consumer.fetch({ max_messages: count, expires: 5000 });
  let left = count;
  for await (const message of messages) {
    if (waitMs === undefined) {
      message.working();
    } else {
      message.nak(waitMs);
    }
    left -= 1;
    if (left === 0) {
      break;
    }
  }
  await connection.flush();
}

describe("a queue", () => {
  test("has nothing to do when it is empty", async () => {
    expect(await read()).toEqual(NOTHING);
  });

  test("has calls that wait, of lanes that no worker has asked for and of others", async () => {
    for (const name of ["f", "f", "f", "g"]) {
      await queue.publish(name);
    }
    await take("f", 1);
    expect(await read()).toEqual({ ...NOTHING, waiting: 3, dueInMs: 0 });
  });

  test("has what workers say they work on", async () => {
    load = { running: 7, longestMs: 1234 };
    expect(await read()).toEqual({ ...NOTHING, running: 7, longestRunMs: 1234, dueInMs: 0 });
  });

  test("has callbacks, one of which is reason enough for a worker", async () => {
    await queue.publishRaw("faas-callback.aGk", [], Buffer.from("{}"));
    await queue.publishRaw("faas-callback.aGk", [], Buffer.from("{}"));
    expect(await read()).toEqual({ ...NOTHING, waiting: 2, dueInMs: 0 });
  });

  test("has messages of other publishers, which are due", async () => {
    await queue.publishForeign({ Function: "f" });
    expect(await read()).toEqual({ ...NOTHING, waiting: 1, dueInMs: 0 });
  });

  test("says how long the oldest call waits that nobody has been given", async () => {
    await queue.publish("f", { acceptedAt: Date.now() - HOUR_MS });
    // What counts is when it was stored, or due: a delayed call waits from then on.
    expect((await reader.read()).oldestWaitMs).toBeLessThan(30_000);
    await queue.publish("g", { notBefore: Date.now() + HOUR_MS });
    await until("the call to wait", async () => (await reader.read()).oldestWaitMs > 0);
    await take("f", 1);
    expect((await reader.read()).oldestWaitMs).toBe(0);
  });

  test("has a delayed call that is due later, also when a worker has given it back", async () => {
    const notBefore = Date.now() + HOUR_MS;
    await queue.publish("f", { notBefore });
    await queue.publish("g", { notBefore: notBefore + HOUR_MS });
    expect(await read()).toEqual({ ...NOTHING, dueInMs: HOUR_MS });
    await take("f", 1, HOUR_MS);
    await take("g", 1, 2 * HOUR_MS);
    expect(await read()).toEqual({ ...NOTHING, dueInMs: HOUR_MS });
  });

  test("has a call that is run again later, as its worker has told", async () => {
    const at = Date.now();
    const id = await queue.publish("f");
    await take("f", 1, HOUR_MS);
    const told = { attempts: 1, starts: 0, at };
    await queue.tell("f", id, { ...told, state: "retrying", nextAt: at + HOUR_MS });
    expect(await read()).toEqual({ ...NOTHING, dueInMs: HOUR_MS });
  });

  test.each([
    ["of which nothing is known any more", undefined],
    ["that its worker was cut from", { state: "running" as const }],
    ["that is run again nobody knows when", { state: "retrying" as const }],
    ["that is over, whose acknowledgement was lost", { state: "done" as const }],
  ])("has a call %s, which is due", async (_, told) => {
    const id = await queue.publish("f");
    await take("f", 1);
    if (told !== undefined) {
      await queue.tell("f", id, { attempts: 0, starts: 1, at: Date.now(), ...told });
    }
    expect(await read()).toEqual({ ...NOTHING, dueInMs: 0 });
  });

  test("is read again only when something has come or gone, or is due", async () => {
    const soon = Date.now() + HOUR_MS;
    await queue.publish("f", { notBefore: soon });
    await reader.read();
    await reader.read();
    expect(asked).toBe(1);
    await queue.publish("f", { notBefore: soon });
    await reader.read();
    expect(asked).toBe(3);
    await manager.streams.purge(STREAM.calls);
    expect(await read()).toEqual(NOTHING);
    await queue.publish("f");
    await reader.read();
    await reader.read();
    expect(asked).toBe(5);
  });

  test("has one that is due where there are too many to be read", async () => {
    const notBefore = Date.now() + HOUR_MS;
    await Promise.all(Array.from({ length: 256 }, () => queue.publish("f", { notBefore })));
    expect(await read()).toEqual({ ...NOTHING, dueInMs: HOUR_MS });
    await queue.publish("f", { notBefore });
    expect(await read()).toEqual({ ...NOTHING, waiting: 257, dueInMs: 0 });
    expect(asked).toBe(256);
  });
});

test("a queue that cannot be asked has no facts", async () => {
  const absent = new QueueFactsReader({
    access: () => {
      throw new Error("queue: not connected");
    },
    states: { read: () => Promise.resolve(undefined) },
    loads: { sum: () => load },
    queueNames: ["slow"],
  });
  await expect(absent.read()).rejects.toThrow("queue: not connected");
});

test("what waits for other queues' workers is no reason for more of the usual one's", async () => {
  await queue.publish("f", { queue: "slow" });
  expect(await read()).toEqual(NOTHING);
  await queue.publish("f", { queue: "gone" });
  expect(await read()).toMatchObject({ waiting: 1, dueInMs: 0 });
});
