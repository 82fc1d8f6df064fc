/** The end of a worker, asked for or not: its calls are finished, or made by another one. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { QUEUE } from "../../../contract/queue/index.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";
import { WorkerProcess } from "../../support/worker-process.ts";

let queue: WorkedQueue;

/** Calls that the gateway has and does not answer, by what was called. */
let held: Map<string, () => void>;

const atEnd = collectCleanups(afterEach);

beforeEach(async () => {
  queue = await WorkedQueue.create();
  atEnd(() => queue.close());
  await queue.addStream();
  held = new Map();
  queue.handler = ({ url }, response) => void held.set(url ?? "", () => response.end());
});

function answerCalls(): void {
  queue.handler = (_request, response) => response.end();
  held.forEach((answer) => answer());
}

async function startProcess(env: Record<string, string> = {}): Promise<WorkerProcess> {
  const worker = await WorkerProcess.start(queue.env(env));
  atEnd(async () => {
    worker.signal("SIGKILL");
    await worker.end();
  });
  return worker;
}

const toNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `f${String(index).padStart(2, "0")}`);

const called = (names: string[]): string[] => names.map((name) => `POST /function/${name}`);

describe("several workers", () => {
  test("share the queue, and each message is one call", async () => {
    const names = toNames(12);
    await Promise.all(names.map((name) => queue.publish(name)));
    for (const max_inflight of ["4", "5", "3"]) {
      queue.startWorker({ max_inflight });
    }
    // One worker alone could not have them all at once.
    await until("all calls at once", () => held.size === names.length);
    await queue.untilDelivered(names.length, 0);
    answerCalls();
    const later = toNames(60).slice(names.length);
    await Promise.all(later.map((name) => queue.publish(name)));
    await queue.untilEmpty();
    expect([...queue.seen].sort()).toEqual(called([...names, ...later]));
  });

  test("take over what one that is closed has not begun", async () => {
    const names = toNames(9);
    const closing = queue.startWorker({ max_inflight: "3" });
    await Promise.all(names.map((name) => queue.publish(name)));
    await until("three calls", () => held.size === 3);
    await queue.untilDelivered(3, 6);
    const closed = closing.close();
    queue.startWorker();
    await until("all calls", () => held.size === names.length);
    answerCalls();
    await closed;
    await queue.untilEmpty();
    expect([...queue.seen].sort()).toEqual(called(names));
  });
});

describe("a worker that is closed", () => {
  test("a second time waits for the same end, and is not disturbed", async () => {
    const worker = queue.startWorker();
    await queue.publish("f");
    await until("the call", () => held.size === 1);
    let closed = 0;
    const closing = [1, 2].map(() => worker.close().then(() => (closed += 1)));
    // Longer than a close takes that waits for no call.
    expect(await queue.waiting()).toBe(1);
    expect(closed).toBe(0);
    answerCalls();
    await Promise.all(closing);
    await worker.close();
    await queue.untilEmpty();
    expect(queue.seen).toEqual(called(["f"]));
  });

  test("before there is a stream ends at once", async () => {
    await (await queue.manager()).streams.delete(QUEUE.stream);
    const worker = queue.startWorker();
    await until("the connection", () => worker.health.problems().length === 1);
    await worker.close();
    await queue.addStream();
    await queue.publish("f");
    expect([queue.seen, await queue.waiting()]).toEqual([[], 1]);
  });
});

describe("a worker's process", () => {
  test("finishes its calls on SIGTERM, is not ready meanwhile, and ends with 0", async () => {
    const worker = await startProcess({ max_inflight: "2" });
    await Promise.all(toNames(3).map((name) => queue.publish(name)));
    await until("two calls", () => held.size === 2);
    worker.signal("SIGTERM");
    await until("it to stop", () => worker.output.includes("shutting down"));
    const ready = await fetch(`http://127.0.0.1:${worker.port}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, "shutdown: in progress"]);
    answerCalls();
    expect(await worker.end()).toBe(0);
    expect(worker.output).toContain('"msg":"shut down"');
    await until("one message to be left", async () => (await queue.waiting()) === 1);
    expect(queue.seen).toHaveLength(2);
  });

  test("that was killed has its call made by another worker", async () => {
    const worker = await startProcess({ ack_wait: "500ms" });
    await queue.publish("f");
    await until("the call", () => held.size === 1);
    worker.signal("SIGKILL");
    expect(await worker.end()).toBeNull();
    const before = queue.seen.length;
    answerCalls();
    queue.startWorker({ ack_wait: "500ms" });
    await queue.untilEmpty();
    expect(queue.seen.length).toBeGreaterThan(before);
  });

  test("ends with 1 for a wrong setting, and names it", async () => {
    const worker = await startProcess({ ack_wait: "soon" });
    expect(await worker.end()).toBe(1);
    expect(worker.output).toContain("queue-worker: ");
    expect(worker.output).toContain("ack_wait");
  });
});
