/** Queues beside the usual one: each has workers of its own, on a real JetStream. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

let queue: WorkedQueue;

beforeEach(async () => {
  queue = await WorkedQueue.create();
  await queue.addStreams();
});

afterEach(() => queue.close());

const USUAL = { queue_names: "slow" };
const SLOW = { queue_name: "slow", queue_names: "slow" };

const called = (...names: string[]): string[] =>
  names.map((name) => `POST /function/${name}.openfaas-fn`);

async function countWaiting(): Promise<number> {
  return (await (await queue.manager()).streams.info(STREAM.calls)).state.messages;
}

describe("the workers of a queue", () => {
  test("run its calls and no others", async () => {
    await queue.publish("f");
    await queue.publish("g", { queue: "slow" });
    queue.startWorker(SLOW);
    await until("the call", () => queue.seen.length === 1);
    await queue.publish("h");
    await queue.publish("i", { queue: "slow" });
    await until("the next call", () => queue.seen.length === 2);
    await until("both to be gone", async () => (await countWaiting()) === 2);
    expect(queue.seen).toEqual(called("g", "i"));
    queue.startWorker(USUAL);
    await queue.untilEmpty();
    expect(queue.seen.slice(2).sort()).toEqual(called("f", "h"));
  });

  test("leave it to those of the usual one to move others' messages and to send callbacks", async () => {
    queue.handler = ({ url = "" }, response) => {
      response.writeHead(url === "/back" ? 204 : 200).end();
    };
    const callback = new URL(`http://127.0.0.1:${queue.gatewayPort}/back`);
    await queue.publish("g", { queue: "slow", callback });
    await queue.publishForeign({ Function: "f", Method: "POST", Header: {} });
    queue.startWorker(SLOW);
    const { streams } = await queue.manager();
    await until("the callback", async () => {
      return (await streams.info(STREAM.callbacks)).state.messages === 1;
    });
    await until("the call to be done", async () => (await countWaiting()) === 1);
    expect(queue.seen).toEqual(called("g"));
    queue.startWorker(USUAL);
    await queue.untilEmpty();
    await until("the callback to be sent", () => queue.seen.includes("POST /back"));
    expect(queue.seen).toContain("POST /function/f.openfaas-fn");
  });

  test("have places of their own", async () => {
    const held: (() => void)[] = [];
    queue.handler = ({ url = "" }, response) => {
      if (url.includes("/g")) {
        held.push(() => response.end());
      } else {
        response.end();
      }
    };
    const one = { max_inflight: "1", max_inflight_per_function: "1" };
    queue.startWorker({ ...SLOW, ...one, max_inflight: "2", max_inflight_per_function: "2" });
    queue.startWorker({ ...USUAL, ...one });
    await Promise.all(["g", "g", "g"].map((name) => queue.publish(name, { queue: "slow" })));
    await until("both places to be taken", () => held.length === 2);
    await Promise.all(["f", "f", "f"].map((name) => queue.publish(name)));
    await until("the others", () => queue.seen.length === 5);
    expect(held).toHaveLength(2);
    held.splice(0).forEach((answer) => answer());
    await until("the third", () => held.length === 1);
    held.splice(0).forEach((answer) => answer());
    await queue.untilEmpty();
  });
});

test("what waits in a queue that is no more is run by the usual one's workers", async () => {
  await queue.publish("g", { queue: "slow" });
  await queue.publish("f");
  queue.startWorker();
  await queue.untilEmpty();
  expect(queue.seen.sort()).toEqual(called("f", "g"));
});

test("a call that was queued before there were queues is run", async () => {
  const { streams } = await queue.manager();
  await queue.publish("f");
  const [message] = [await streams.getMessage(STREAM.calls, { seq: 1 })];
  await streams.deleteMessage(STREAM.calls, 1);
  const fields = [...(message?.header ?? [])].map(([name, [value = ""]]): [string, string] => [
    name,
    value,
  ]);
  await queue.publishRaw("faas-request.openfaas-fn.f", fields, message?.data ?? Buffer.alloc(0));
  queue.startWorker();
  await queue.untilEmpty();
  expect(queue.seen).toEqual(called("f"));
});
