/** The queue-worker on a real JetStream, with real servers on both sides. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { QUEUE } from "../../../contract/queue/index.ts";
import { fakeOnly } from "../../support/clock.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

let queue: WorkedQueue;

beforeEach(async () => {
  queue = await WorkedQueue.create();
});

afterEach(async () => {
  jest.useRealTimers();
  await queue.close();
});

describe("the queue-worker", () => {
  test("waits for the stream, then calls and acknowledges", async () => {
    const worker = queue.startWorker();
    await until("the connection", () => worker.health.problems().length === 1);
    expect(worker.health.problems()).toEqual([expect.stringMatching(/^queue: no stream yet/)]);
    await queue.addStream();
    await queue.publish("f", { Method: "DELETE", Path: "/a", QueryString: "b=1" });
    await queue.untilEmpty();
    expect(queue.seen).toEqual(["DELETE /function/f/a?b=1"]);
    expect(worker.health.problems()).toEqual([]);
  });

  test("makes as many calls at once as it may, and no more", async () => {
    await queue.addStream();
    const held: (() => void)[] = [];
    queue.handler = (_request, response) => void held.push(() => response.end());
    await Promise.all(Array.from({ length: 20 }, () => queue.publish("f")));
    queue.startWorker({ max_inflight: "4" });
    for (let done = 0; done < 20; done += 4) {
      await until("four calls", () => held.length === done + 4);
      await queue.untilDelivered(4, 16 - done);
      expect(held).toHaveLength(done + 4);
      held.slice(done).forEach((answer) => answer());
    }
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(20);
  });

  test("says again and again that a call goes on, so that no other worker gets it", async () => {
    await queue.addStream();
    const gate = Promise.withResolvers<undefined>();
    queue.handler = (_request, response) => void gate.promise.then(() => response.end());
    const heard = await queue.hearWorkers();
    // What the queue is told within ack_wait; that it waits for that long once more is NATS' part.
    fakeOnly("setInterval", "clearInterval");
    queue.startWorker({ ack_wait: "60s" });
    queue.startWorker({ ack_wait: "60s" });
    await queue.publish("slow");
    await until("the call", () => queue.seen.length === 1);
    for (let turn = 1; turn <= 6; turn += 1) {
      jest.advanceTimersByTime(20_000);
      await until("a sign of life", () => heard.length === turn);
    }
    await queue.untilDelivered(1, 0);
    gate.resolve(undefined);
    await queue.untilEmpty();
    expect(heard).toEqual([...Array.from({ length: 6 }, () => "+WPI"), "+ACK"]);
    expect(queue.seen).toEqual(["POST /function/slow"]);
  });

  test("leaves in the queue what would have to wait for its turn, where no time runs", async () => {
    await queue.addStream();
    const held: (() => void)[] = [];
    queue.handler = (_request, response) => void held.push(() => response.end());
    await Promise.all([1, 2, 3, 4, 5].map((index) => queue.publish(`f${index}`)));
    queue.startWorker({ max_inflight: "1" });
    for (let left = 4; left >= 0; left -= 1) {
      await until("the next call", () => held.length === 5 - left);
      await queue.untilDelivered(1, left);
      held.at(-1)?.();
    }
    await queue.untilEmpty();
    expect([...queue.seen].sort()).toEqual(
      [1, 2, 3, 4, 5].map((index) => `POST /function/f${index}`),
    );
  });

  test("comes again after a failure until it succeeds", async () => {
    await queue.addStream();
    queue.handler = (_request, response) =>
      response.writeHead(queue.seen.length < 3 ? 503 : 200).end();
    queue.startWorker();
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(3);
  });

  test("gives up after the last attempt", async () => {
    await queue.addStream();
    queue.handler = (_request, response) => response.writeHead(500).end();
    queue.startWorker({ max_attempts: "3" });
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(3);
  });

  test("is not stopped by a message that is no call", async () => {
    await queue.addStream();
    queue.startWorker();
    await queue.publishRaw("no json");
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toEqual(["POST /function/f"]);
  });

  test("finishes what is in flight when it ends, and leaves the rest to others", async () => {
    await queue.addStream();
    const gate = Promise.withResolvers<undefined>();
    queue.handler = (_request, response) => void gate.promise.then(() => response.end());
    const worker = queue.startWorker({ max_inflight: "1" });
    await queue.publish("first");
    await queue.publish("second");
    await until("the first call", () => queue.seen.length === 1);
    const closed = worker.close();
    gate.resolve(undefined);
    await closed;
    await until("one message to be left", async () => (await queue.waiting()) === 1);
    expect(queue.seen).toEqual(["POST /function/first"]);
    queue.startWorker();
    await queue.untilEmpty();
    expect(queue.seen).toEqual(["POST /function/first", "POST /function/second"]);
  });

  test("goes on after NATS was killed and came back, without losing a call", async () => {
    await queue.addStream();
    const worker = queue.startWorker();
    await queue.publish("before");
    await queue.untilEmpty();
    await queue.nats.halt("SIGKILL");
    await until("the worker to notice", () => worker.health.problems().length > 0);
    await queue.nats.start();
    await until("a publication", () =>
      queue.publish("after").then(
        () => true,
        () => false,
      ),
    );
    await until("the call", () => queue.seen.includes("POST /function/after"));
    await queue.untilEmpty();
  });

  test("goes on after the stream was deleted and made again", async () => {
    await queue.addStream();
    queue.startWorker();
    await queue.publish("before");
    await queue.untilEmpty();
    await (await queue.manager()).streams.delete(QUEUE.stream);
    await queue.addStream();
    await queue.publish("after");
    await until("the call", () => queue.seen.includes("POST /function/after"));
  });
});
