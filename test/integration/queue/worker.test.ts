/** The queue-worker on a real JetStream, with real servers on both sides. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
import { fakeOnly } from "../../support/clock.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

let queue: WorkedQueue;

/** Calls that the gateway has and does not answer, by what was called. */
let held: Map<string, (() => void)[]>;

beforeEach(async () => {
  queue = await WorkedQueue.create();
  held = new Map();
});

afterEach(async () => {
  jest.useRealTimers();
  await queue.close();
});

function holdCalls(isHeld: (url: string) => boolean = () => true): void {
  queue.handler = ({ url = "" }, response) => {
    if (isHeld(url)) {
      held.set(url, [...(held.get(url) ?? []), () => response.end()]);
    } else {
      response.end();
    }
  };
}

const countHeld = (): number => [...held.values()].flat().length;

function answerAll(): void {
  const answers = [...held.values()].flat();
  held.clear();
  answers.forEach((answer) => answer());
}

const called = (...names: string[]): string[] =>
  names.map((name) => `POST /function/${name}.openfaas-fn`);

describe("the queue-worker", () => {
  test("makes the streams, then calls and acknowledges", async () => {
    const worker = queue.startWorker();
    await until("the worker to be ready", () => worker.health.problems().length === 0);
    await queue.publish("f", { method: "DELETE", path: "/a", query: "b=1" });
    await queue.untilEmpty();
    expect(queue.seen).toEqual(["DELETE /function/f.openfaas-fn/a?b=1"]);
  });

  test("runs as many calls of a function at once as it may, and no more", async () => {
    await queue.addStreams();
    holdCalls();
    await Promise.all(Array.from({ length: 20 }, () => queue.publish("f")));
    queue.startWorker({ max_inflight_per_function: "4" });
    await until("four calls", () => countHeld() === 4);
    // None waits for its turn here: nobody knows yet how long they take.
    await queue.untilTaken(4);
    let most = 0;
    for (let done = 0; done < 20; done += 4) {
      await until("four calls", () => countHeld() >= 4);
      most = Math.max(most, countHeld());
      answerAll();
    }
    await queue.untilEmpty();
    expect(most).toBe(4);
    expect(queue.seen).toHaveLength(20);
  });

  test("runs other functions' calls while slow ones have all the places", async () => {
    await queue.addStreams();
    holdCalls((url) => url.includes("slow"));
    const slow = Array.from({ length: 40 }, (_, index) => `slow-${index % 4}`);
    await Promise.all(slow.map((name) => queue.publish(name)));
    queue.startWorker({ max_inflight: "4", max_inflight_per_function: "4" });
    await until("the places to be taken", () => countHeld() >= 4);
    const quick = ["a", "b", "c", "d", "e", "f", "g"];
    await Promise.all(quick.map((name) => queue.publish(name)));
    await until("the quick ones", () =>
      called(...quick).every((call) => queue.seen.includes(call)),
    );
    holdCalls(() => false);
    answerAll();
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(47);
  });

  test("says again and again that a call goes on, so that no other worker gets it", async () => {
    await queue.addStreams();
    holdCalls();
    const heard = await queue.hearWorkers();
    // What the queue is told each second; that it waits for that long once more is NATS' part.
    fakeOnly("setInterval", "clearInterval");
    queue.startWorker({ ack_wait: "60s" });
    queue.startWorker({ ack_wait: "60s" });
    await queue.publish("slow");
    await until("the call", () => queue.seen.length === 1);
    for (let turn = 1; turn <= 6; turn += 1) {
      jest.advanceTimersByTime(1000);
      await until("a sign of life", () => heard.length === turn);
    }
    await queue.untilTaken(1);
    answerAll();
    await queue.untilEmpty();
    expect(heard).toEqual([...Array.from({ length: 6 }, () => "+WPI"), "+ACK"]);
    expect(queue.seen).toEqual(called("slow"));
  });

  test("runs a call again after a failure until it succeeds", async () => {
    await queue.addStreams();
    queue.handler = (_request, response) =>
      response.writeHead(queue.seen.length < 3 ? 503 : 200).end();
    queue.startWorker();
    const id = await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(3);
    await until("its state", async () => (await queue.state(id))?.state === "done");
    expect(await queue.letters()).toEqual([]);
  });

  test("keeps what fails to the last attempt as a dead letter, with the last answer", async () => {
    await queue.addStreams();
    queue.handler = (_request, response) => response.writeHead(500).end("it broke");
    queue.startWorker({ max_attempts: "3" });
    const id = await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(3);
    expect(await queue.letters()).toEqual([
      {
        kind: "call",
        id,
        subject: "faas-request.openfaas-fn.f.faas-request",
        reason: "status 500 after 3 attempts",
        attempts: 3,
        status: 500,
        diedAt: expect.any(Number),
        answer: Buffer.from("it broke"),
      },
    ]);
    await until("its state", async () => (await queue.state(id))?.state === "dead");
  });

  test("follows the policy of the function", async () => {
    await queue.addStreams();
    queue.handler = (_request, response) => response.writeHead(418).end();
    queue.startWorker({ max_attempts: "9" });
    await queue.publish("f", { retry: { attempts: 2, codes: [418], minWaitMs: 1, maxWaitMs: 5 } });
    await queue.publish("g", { retry: { codes: [500] } });
    await queue.untilEmpty();
    expect([...queue.seen].sort()).toEqual(called("f", "f", "g"));
    expect((await queue.letters()).map(({ reason }) => reason)).toEqual([
      "status 418 after 2 attempts",
    ]);
  });

  test("does not begin a call before its time, nor after it", async () => {
    await queue.addStreams();
    const begun = new Map<string, number>();
    queue.handler = ({ url = "" }, response) => {
      begun.set(url, Date.now());
      response.end();
    };
    queue.startWorker();
    const now = Date.now();
    await queue.publish("never", { notBefore: now + 3_600_000 });
    await queue.publish("later", { notBefore: now + 1500 });
    const id = await queue.publish("late", { expiresAt: now - 1 });
    await queue.publish("now");
    await until("one call to be left", async () => (await queue.waiting()) === 1);
    expect([...queue.seen].sort()).toEqual(called("later", "now"));
    expect(begun.get("/function/later.openfaas-fn")).toBeGreaterThanOrEqual(now + 1500);
    expect(await queue.letters()).toMatchObject([{ id, reason: "it was not begun in time" }]);
    await until("its state", async () => (await queue.state(id))?.state === "expired");
  });

  test("ends the run of a call that is cancelled, and does not repeat it", async () => {
    await queue.addStreams();
    let wasCut = false;
    queue.handler = (request) => void request.once("close", () => (wasCut = true));
    queue.startWorker();
    const id = await queue.publish("f");
    await until("the call", () => queue.seen.length === 1);
    await queue.cancel(id);
    await until("its end", () => wasCut);
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called("f"));
    expect(await queue.letters()).toEqual([]);
  });

  test("goes on after the streams were deleted and made again", async () => {
    await queue.addStreams();
    queue.startWorker();
    await queue.publish("before");
    await queue.untilEmpty();
    await (await queue.manager()).streams.delete(STREAM.calls);
    await queue.addStreams();
    await queue.publish("after");
    await until("the call", () => queue.seen.includes(called("after")[0] ?? ""));
  });

  test("runs a call that ended its worker again, and after five times no more", async () => {
    await queue.addStreams();
    const id = await queue.publish("f");
    await queue.tell("f", id, { state: "running", attempts: 0, starts: 5, at: Date.now() });
    await queue.takeAndGiveBack("f");
    queue.startWorker();
    await queue.untilEmpty();
    expect(queue.seen).toEqual([]);
    expect(await queue.letters()).toMatchObject([
      { id, reason: "its worker ended 5 times while it ran" },
    ]);
  });

  test("does not run again what is known to be done, and only its acknowledgement was lost", async () => {
    await queue.addStreams();
    const id = await queue.publish("f");
    await queue.tell("f", id, { state: "done", attempts: 0, starts: 0, at: Date.now() });
    await queue.takeAndGiveBack("f");
    queue.startWorker();
    await queue.untilEmpty();
    expect(queue.seen).toEqual([]);
  });
});
