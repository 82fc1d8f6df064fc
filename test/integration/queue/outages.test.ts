/** NATS, the way to it, or the consumer goes away under the worker, and no call is lost. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
import { CutLink } from "../../support/cut-link.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

let queue: WorkedQueue;
let link: CutLink | undefined;

/** Calls that the gateway has and does not answer. */
let held: (() => void)[];

beforeEach(async () => {
  queue = await WorkedQueue.create();
  await queue.addStreams();
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

const called = (...names: string[]): string[] =>
  names.map((name) => `POST /function/${name}.openfaas-fn`);

describe("the queue-worker", () => {
  test("makes all calls although NATS was killed while some ran and others waited", async () => {
    holdCalls();
    const worker = queue.startWorker({ max_inflight_per_function: "2" });
    const names = ["f", "f", "f", "f", "f", "f"];
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
    // Those that ran are known to be done, or run once more: NATS may not know of either.
    expect(queue.seen.length).toBeGreaterThanOrEqual(names.length);
    expect(new Set(queue.seen)).toEqual(new Set(called("f")));
  });

  test("tells the end of a call that ended while NATS was away when it is back", async () => {
    holdCalls();
    const worker = queue.startWorker({ ack_wait: "60s" });
    await queue.publish("f");
    await until("the call", () => held.length === 1);
    await queue.nats.halt("SIGKILL");
    await until("the worker to notice", () => worker.health.problems().length > 0);
    answerCalls();
    await until("its end", () => queue.log.text().includes("call done"));
    await queue.startNats();
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("f"));
  });

  test("makes a call once that outlasts a lost connection", async () => {
    link = await CutLink.to(queue.nats.port);
    holdCalls();
    const worker = queue.startWorker({ faas_nats_port: String(link.port) });
    await queue.publish("long");
    await until("the call", () => held.length === 1);
    link.cut();
    await until("the worker to notice", () => worker.health.problems().length > 0);
    link.mend();
    await until("the worker's return", () => worker.health.problems().length === 0);
    await queue.untilTaken(1);
    answerCalls();
    await queue.untilEmpty();
    await queue.publish("next");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("long", "next"));
  });

  test("acknowledges no call in the name of one that NATS has lost, at the same place", async () => {
    holdCalls();
    const worker = queue.startWorker({ ack_wait: "60s" });
    await queue.publish("f", { acceptedAt: 1 });
    await until("the call", () => held.length === 1);
    await queue.nats.halt("SIGKILL");
    await queue.nats.lose();
    await until("the worker to notice", () => worker.health.problems().length > 0);
    // It is done with while nobody can be told.
    held.splice(0).forEach((answer) => answer());
    await until("its end", () => queue.log.text().includes("call done"));
    await queue.startNats();
    const { streams } = await queue.manager();
    // Being connected is not all: the worker makes the streams after that.
    await until("the streams", () =>
      streams.info(STREAM.calls).then(
        () => true,
        () => false,
      ),
    );
    const heard = await queue.hearWorkers();
    expect(await queue.publish("f", { acceptedAt: 2 })).toMatch(/^1-/);
    await until("the call at the same place", () => held.length === 1);
    // One each second: longer than it takes until an acknowledgement is tried again.
    await until("three beats", () => heard.filter((word) => word === "+WPI").length >= 3);
    // It may be given back first: not all streams are there again at the same moment.
    expect(heard).not.toContain("+ACK");
    answerCalls();
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("f", "f"));
  });

  test("waits for a NATS that is not there yet, and says so", async () => {
    await queue.nats.halt("SIGKILL");
    const worker = queue.startWorker();
    expect(worker.health.problems()).toEqual([
      `nats: not connected to nats://127.0.0.1:${queue.nats.port}`,
      `queue: not connected to nats://127.0.0.1:${queue.nats.port}`,
    ]);
    await queue.startNats();
    await until("the worker to be ready", () => worker.health.problems().length === 0);
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("f"));
  });

  test("goes on after its consumer was deleted", async () => {
    const worker = queue.startWorker();
    await queue.publish("f");
    await queue.untilEmpty();
    await (
      await queue.manager()
    ).consumers.delete(STREAM.calls, "faas-workers_openfaas-fn_f_faas-request");
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("f", "f"));
    expect(worker.health.problems()).toEqual([]);
  });

  test("takes over a consumer that has another ack_wait, and sets its own", async () => {
    const manager = await queue.manager();
    const ackWait = async (): Promise<number> =>
      (await manager.consumers.info(STREAM.calls, "faas-workers_openfaas-fn_f_faas-request")).config
        .ack_wait ?? 0;
    const before = queue.startWorker({ ack_wait: "60s" });
    await queue.publish("f");
    await queue.untilEmpty();
    await before.close();
    expect(await ackWait()).toBe(60e9);
    await queue.publish("f");
    queue.startWorker({ ack_wait: "30s" });
    await queue.untilEmpty();
    expect([queue.seen, await ackWait()]).toEqual([called("f", "f"), 30e9]);
  });

  test("takes over the queue of an older version, with what waits in it", async () => {
    const manager = await queue.manager();
    await manager.streams.delete(STREAM.calls);
    const settings = { retention: "workqueue", storage: "file" } as const;
    await manager.streams.add({ name: STREAM.calls, subjects: ["faas-request"], ...settings });
    await manager.consumers.add(STREAM.calls, {
      durable_name: "faas-workers",
      ack_policy: "explicit",
      ack_wait: 60e9,
      max_deliver: -1,
    });
    await queue.publishForeign({ Function: "old", Header: {}, Method: "POST" });
    queue.startWorker();
    await until("the new lanes", () =>
      queue.publish("new").then(
        () => true,
        () => false,
      ),
    );
    await queue.untilEmpty();
    expect([...queue.seen].sort()).toEqual(called("new", "old"));
  });
});
