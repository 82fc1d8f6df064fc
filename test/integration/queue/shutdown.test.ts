/** The end of a worker, asked for or not: its calls are finished, or made by another one. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
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
  await queue.addStreams();
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

const called = (names: string[]): string[] =>
  names.map((name) => `POST /function/${name}.openfaas-fn`);

describe("several workers", () => {
  test("share the queue, and each message is one call", async () => {
    const names = toNames(12);
    await Promise.all(names.map((name) => queue.publish(name)));
    for (const max_inflight of ["4", "5", "3"]) {
      queue.startWorker({ max_inflight });
    }
    await until("all calls at once", () => held.size === names.length);
    await queue.untilTaken(names.length);
    answerCalls();
    const later = toNames(60).slice(names.length);
    await Promise.all(later.map((name) => queue.publish(name)));
    await queue.untilEmpty();
    expect([...queue.seen].sort()).toEqual(called([...names, ...later]));
  });

  test("take over what one that is closed has not begun", async () => {
    const names = toNames(9);
    const closing = queue.startWorker();
    const [first = "", ...rest] = names;
    await queue.publish(first);
    await until("a call", () => held.size === 1);
    const closed = closing.close();
    await Promise.all(rest.map((name) => queue.publish(name)));
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

  test("gives back what does not end in the time that is set, and another one runs it", async () => {
    const worker = queue.startWorker({ drain_timeout: "200ms", ack_wait: "10m" });
    await queue.publish("f");
    await until("the call", () => held.size === 1);
    await worker.close();
    queue.startWorker();
    await until("it to be run again", () => queue.seen.length === 2);
    answerCalls();
    await queue.untilEmpty();
  });

  test("before NATS is there ends at once", async () => {
    await queue.nats.halt();
    const worker = queue.startWorker();
    await worker.close();
    await queue.startNats();
    await queue.publish("f");
    expect([queue.seen, await queue.waiting(STREAM.calls)]).toEqual([[], 1]);
  });
});

describe("a worker's process", () => {
  test("finishes its calls on SIGTERM, is not ready meanwhile, and ends with 0", async () => {
    const worker = await startProcess();
    await Promise.all(toNames(2).map((name) => queue.publish(name)));
    await until("two calls", () => held.size === 2);
    worker.signal("SIGTERM");
    await until("it to stop", () => worker.output.includes("shutting down"));
    await queue.publish("later");
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
