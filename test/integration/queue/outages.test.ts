/** NATS, the way to it, or the consumer goes away under the worker, and no call is lost. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { QUEUE } from "../../../contract/queue/index.ts";
import { CutLink } from "../../support/cut-link.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

let queue: WorkedQueue;
let link: CutLink | undefined;

/** Calls that the gateway has and does not answer. */
let held: (() => void)[];

beforeEach(async () => {
  queue = await WorkedQueue.create();
  await queue.addStream();
  held = [];
});

afterEach(async () => {
  await queue.close();
  await link?.close();
  link = undefined;
});

function holdCalls(): void {
  queue.handler = (_request, response) => void held.push(() => response.end());
}

function answerCalls(): void {
  queue.handler = (_request, response) => response.end();
  held.forEach((answer) => answer());
}

const called = (...names: string[]): string[] => names.map((name) => `POST /function/${name}`);

describe("the queue-worker", () => {
  test("makes all calls although NATS was killed while some ran and others waited", async () => {
    holdCalls();
    const worker = queue.startWorker({ max_inflight: "2" });
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) {
      await queue.publish(name);
    }
    await until("two calls", () => held.length === 2);
    await queue.nats.halt("SIGKILL");
    await until("the worker to notice", () => worker.health.problems().length > 0);
    await queue.startNats();
    await until("the worker's return", () => worker.health.problems().length === 0);
    answerCalls();
    await queue.untilEmpty();
    expect([...new Set(queue.seen)].sort()).toEqual(called(...names));
  });

  test("leaves a call that ended while NATS was away to be made again, not lost", async () => {
    holdCalls();
    const worker = queue.startWorker({ max_inflight: "1", ack_wait: "300ms" });
    await queue.publish("f");
    await until("the call", () => held.length === 1);
    await queue.nats.halt("SIGKILL");
    await until("the worker to notice", () => worker.health.problems().length > 0);
    answerCalls();
    await until("its end", () => queue.log.text().includes("call done"));
    await queue.startNats();
    queue.startWorker({ ack_wait: "300ms" });
    await queue.untilEmpty();
    expect(new Set(queue.seen)).toEqual(new Set(called("f")));
  });

  test("makes a call once that outlasts a lost connection", async () => {
    link = await CutLink.to(queue.nats.port);
    holdCalls();
    const worker = queue.startWorker({ max_inflight: "1", faas_nats_port: String(link.port) });
    await queue.publish("long");
    await until("the call", () => held.length === 1);
    link.cut();
    await until("the worker to notice", () => worker.health.problems().length > 0);
    link.mend();
    await until("the worker's return", () => worker.health.problems().length === 0);
    await queue.untilDelivered(1, 0);
    answerCalls();
    await queue.untilEmpty();
    await queue.publish("next");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("long", "next"));
  });

  test("waits for a NATS that is not there yet, and says so", async () => {
    await queue.nats.halt("SIGKILL");
    const worker = queue.startWorker();
    expect(worker.health.problems()).toEqual([
      `nats: not connected to nats://127.0.0.1:${queue.nats.port}`,
      "queue: no stream yet",
    ]);
    await queue.startNats();
    await until("the worker to be ready", () => worker.health.problems().length === 0);
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("f"));
  });

  test("goes on after its consumer was deleted", async () => {
    const worker = queue.startWorker();
    await queue.publish("before");
    await queue.untilEmpty();
    await (await queue.manager()).consumers.delete(QUEUE.stream, QUEUE.consumer);
    await queue.publish("after");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("before", "after"));
    expect(worker.health.problems()).toEqual([]);
  });

  test("takes over a consumer that has another ack_wait, and sets its own", async () => {
    const before = queue.startWorker({ ack_wait: "60s" });
    await until("the consumer", () => before.health.problems().length === 0);
    await before.close();
    const manager = await queue.manager();
    const ackWait = async (): Promise<number> =>
      (await manager.consumers.info(QUEUE.stream, QUEUE.consumer)).config.ack_wait ?? 0;
    expect(await ackWait()).toBe(60e9);
    await queue.publish("f");
    queue.startWorker({ ack_wait: "30s" });
    await queue.untilEmpty();
    expect([queue.seen, await ackWait()]).toEqual([called("f"), 30e9]);
  });
});
