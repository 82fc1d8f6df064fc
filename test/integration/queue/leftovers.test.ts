/** Calls that a real JetStream has, and would give to nobody. */
import { cp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ConsumerInfo } from "@nats-io/jetstream";
import { QUEUE, STREAM, toConsumerName, toLane } from "../../../contract/queue/index.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

const LANE = toLane({ name: "f", namespace: "openfaas-fn" }, QUEUE.name);
const CALL = "POST /function/f.openfaas-fn";

let queue: WorkedQueue;

beforeEach(async () => {
  queue = await WorkedQueue.create();
  await queue.addStreams();
});

afterEach(async () => {
  await queue.close();
});

/** Where a real NATS has the messages of the calls. */
function messages(): string {
  return join(queue.nats.directory, "jetstream", "$G", "streams", STREAM.calls, "msgs");
}

/** Two calls that were run, and are in the stream again though their consumer is done with them. */
async function createLeftovers(): Promise<string[]> {
  const ids = [await queue.publish("f"), await queue.publish("f")];
  await queue.nats.halt();
  const kept = join(queue.nats.directory, "kept");
  await cp(messages(), kept, { recursive: true });
  await queue.startNats();
  const worker = queue.startWorker();
  await queue.untilEmpty();
  await worker.close();
  await queue.nats.halt();
  // As after a fault of its disk.
  await rm(messages(), { recursive: true });
  await cp(kept, messages(), { recursive: true });
  await queue.startNats();
  // What it knew of states is gone.
  await queue.addStreams();
  const { num_pending, num_ack_pending } = await consumerInfo();
  expect([await queue.waiting(), num_pending, num_ack_pending]).toEqual([2, 0, 0]);
  queue.seen.length = 0;
  return ids;
}

async function consumerInfo(): Promise<ConsumerInfo> {
  return (await queue.manager()).consumers.info(STREAM.calls, toConsumerName(LANE));
}

describe("calls whose consumer takes them for done", () => {
  test("are run, as nobody knows better", async () => {
    await createLeftovers();
    queue.startWorker();
    await queue.untilEmpty();
    expect(queue.seen).toEqual([CALL, CALL]);
  });

  test("are taken away where it is known that they are done", async () => {
    const [first = "", second = ""] = await createLeftovers();
    const done = { state: "done" as const, attempts: 0, starts: 0, at: Date.now() };
    await queue.tell("f", first, done);
    await queue.tell("f", second, { ...done, state: "dead" });
    queue.startWorker();
    await queue.untilEmpty();
    expect(queue.seen).toEqual([]);
  });
});

test("a call that a worker runs is not begun elsewhere when its consumer is made anew", async () => {
  const held: ServerResponse[] = [];
  queue.handler = (_request, response) => void held.push(response);
  await queue.publish("f");
  // It asks for no other while it has one, and so does not get its own call from the new consumer.
  queue.startWorker({ max_inflight_per_function: "1" });
  await until("the call", () => held.length === 1);
  const heard = await queue.hearWorkers();
  await (await queue.manager()).consumers.delete(STREAM.calls, toConsumerName(LANE));
  queue.startWorker();
  await until("the other worker's word", () => heard.some((word) => word.startsWith("-NAK")));
  const beats = (): number => heard.filter((word) => word === "+WPI").length;
  const before = beats();
  await until("the first worker's word", () => beats() > before + 1);
  expect((await consumerInfo()).num_ack_pending).toBe(1);
  held[0]?.end();
  await queue.untilEmpty();
  expect(queue.seen).toEqual([CALL]);
});
