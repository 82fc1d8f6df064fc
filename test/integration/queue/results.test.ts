/** Results that workers keep on a real NATS, whatever happens meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { decodeResult, type KeptResult, QUEUE, STREAM } from "../../../contract/queue/index.ts";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";
import { WorkerProcess } from "../../support/worker-process.ts";

const atEnd = collectCleanups(afterEach);
let queue: WorkedQueue;

beforeEach(async () => {
  queue = await WorkedQueue.create();
  atEnd(() => queue.close());
  await queue.addStreams();
});

/** The result of a call of `f`; undefined: there is none. */
async function read(id: string): Promise<KeptResult | undefined> {
  const { streams } = await queue.manager();
  const query = { last_by_subj: `faas-result.openfaas-fn.f.${id}` };
  const message = await streams.getMessage(STREAM.results, query);
  return message === null ? undefined : decodeResult(message.header, message.data);
}

/** Messages of the object store, which a worker makes. */
async function countBodies(): Promise<number> {
  const { streams } = await queue.manager();
  const info = await streams.info(`OBJ_${STREAM.bodies}`).catch(() => undefined);
  return info?.state.messages ?? 0;
}

describe("a result", () => {
  test("and a callback each have the whole of a large answer", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    const whole = Buffer.alloc(QUEUE.maxInlineBytes + 5, "x");
    queue.handler = (_request, response) => response.end(whole);
    queue.startWorker();
    const id = await queue.publish("f", {
      keepResultSeconds: 60,
      callback: new URL(callbacks.url),
    });
    await until("the callback", () => callbacks.received.length === 1);
    expect(callbacks.received[0]?.body.length).toBe(whole.length);
    await queue.untilEmpty();
    expect(await read(id)).toMatchObject({ status: 200, body: { bytes: whole.length } });
  });

  test("of a worker that is killed is not seen by half; the next run's is", async () => {
    // Nobody gets the call while this worker has it, however slow it is.
    const process = await WorkerProcess.start(queue.env({ ack_wait: "10m" }));
    atEnd(async () => {
      process.signal("SIGKILL");
      await process.end();
    });
    let runs = 0;
    queue.handler = (_request, response) => {
      runs += 1;
      if (runs === 1) {
        response.writeHead(200, { "x-run": "1" }).write(Buffer.alloc(QUEUE.maxInlineBytes * 2));
      } else {
        response.writeHead(201, { "x-run": String(runs) }).end("whole");
      }
    };
    const id = await queue.publish("f", { keepResultSeconds: 60 });
    // What is larger than a message is on its way to the store.
    await until("a part of the answer", async () => (await countBodies()) > 0);
    process.signal("SIGKILL");
    expect(await process.end()).toBeNull();
    expect(await read(id)).toBeUndefined();
    queue.startWorker({ ack_wait: "2s" });
    await queue.untilEmpty();
    const result = await read(id);
    expect([result?.status, result?.body]).toEqual([201, Buffer.from("whole")]);
    expect(result?.headers["x-run"]).toEqual([String(runs)]);
  });

  test("survives NATS being killed while it is on its way: it is tried again", async () => {
    queue.handler = (_request, response) => {
      void queue.nats.halt("SIGKILL").then(() => {
        response.end("late");
        return queue.startNats();
      });
    };
    queue.startWorker({ ack_wait: "30s" });
    const id = await queue.publish("f", { keepResultSeconds: 60 });
    await until("the result", async () => (await read(id).catch(() => undefined)) !== undefined);
    expect((await read(id))?.body).toEqual(Buffer.from("late"));
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(1);
  });
});

describe("a store of results that is full", () => {
  test("takes none, and holds up no call", async () => {
    queue.handler = (_request, response) => response.end(Buffer.alloc(2000, "x"));
    const worker = queue.startWorker();
    await until("the worker", () => worker.health.problems().length === 0);
    const { streams } = await queue.manager();
    await streams.update(STREAM.results, { max_bytes: 1000 });
    const ids: string[] = [];
    for (let turn = 0; turn < 20; turn++) {
      ids.push(await queue.publish("f", { keepResultSeconds: 60 }));
    }
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(20);
    expect(await queue.letters()).toEqual([]);
    await until("the last state", async () => (await queue.state(ids[19] ?? ""))?.state === "done");
    expect(await queue.state(ids[19] ?? "")).toMatchObject({
      status: 200,
      reason: "its result could not be kept",
    });
    expect(queue.log.text().match(/"result lost"/g)).toHaveLength(20);
  });
});
