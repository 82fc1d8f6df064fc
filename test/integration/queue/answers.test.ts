/** What the worker makes of a function's answers: what it tells the queue, and what it counts. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/metrics.ts";
import { CallbackReceiver } from "../../support/callback-receiver.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";
import { WorkedQueue } from "../../support/worked-queue.ts";

let queue: WorkedQueue;

const atEnd = collectCleanups(afterEach);

beforeEach(async () => {
  queue = await WorkedQueue.create();
  atEnd(() => queue.close());
  await queue.addStream();
});

/** Waits longer than any test takes: what is to be repeated stays in the queue. */
const SLOW = { initial_retry_wait: "10m", max_retry_wait: "30m" };

const SECOND = 1e9;

/** Of a message that is to come again, how long it has to wait, seconds; undefined for others. */
function readDelay(told: string): number | undefined {
  const [verb, json] = told.split(" ", 2);
  return verb === "-NAK" && json !== undefined
    ? (JSON.parse(json) as { delay: number }).delay / SECOND
    : undefined;
}

/** Queues one call after the other, and tells what the queue heard of each. */
async function tellEach(names: string[]): Promise<string[]> {
  const heard = await queue.hearWorkers();
  for (const [index, name] of names.entries()) {
    await queue.publish(name);
    await until(`word of ${name}`, () => heard.length > index);
  }
  return heard;
}

describe("the queue is told", () => {
  test("that a call is done with, whatever its final status", async () => {
    const statuses = ["200", "201", "202", "204", "301", "304", "400", "401", "404", "413", "501"];
    queue.handler = ({ url = "" }, response) => {
      const status = Number(url.split("/").at(-1));
      response.writeHead(status, { "retry-after": "1" }).end();
    };
    queue.startWorker(SLOW);
    expect(await tellEach(statuses)).toEqual(statuses.map(() => "+ACK"));
    await queue.untilEmpty();
    expect(queue.seen).toEqual(statuses.map((status) => `POST /function/${status}`));
  });

  test("when to give a call again, as Retry-After asks or by doubling waits", async () => {
    const answers: Record<string, [status: number, retryAfter?: string]> = {
      asked: [429, "7"],
      "asked-too": [503, "1201"],
      "too-long": [429, "86400"],
      "not-for-this": [500, "7"],
      unreadable: [503, "1.5"],
      "no-date": [429, "-5"],
      timeout: [408],
      "bad-gateway": [502],
      "gateway-timeout": [504],
      reset: [0],
    };
    queue.handler = ({ url = "", socket }, response) => {
      const [status, retryAfter] = answers[url.split("/").at(-1) ?? ""] ?? [200];
      if (status === 0) {
        socket.resetAndDestroy();
      } else {
        response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
        response.end();
      }
    };
    queue.startWorker(SLOW);
    const [asked, askedToo, tooLong, ...others] = (await tellEach(Object.keys(answers))).map(
      readDelay,
    );
    expect([asked, askedToo, tooLong]).toEqual([7, 1201, 1800]);
    expect(others).toHaveLength(7);
    for (const delay of others) {
      expect(delay).toBeGreaterThanOrEqual(300);
      expect(delay).toBeLessThanOrEqual(600);
    }
    expect([queue.seen.length, await queue.waiting()]).toEqual([10, 10]);
  });
});

describe("what becomes of calls", () => {
  test("is counted, each once", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    const host = new URL(callbacks.url).host;
    queue.handler = ({ url = "" }, response) => {
      const name = url.split("/").at(-1) ?? "";
      const count = queue.seen.filter((call) => call.endsWith(`/${name}`)).length;
      const status = { bad: 500, flaky: count === 1 ? 503 : 200, missing: 404 }[name] ?? 200;
      response.writeHead(status).end("x");
    };
    const worker = queue.startWorker({ max_attempts: "2" });
    await queue.publish("good");
    await queue.publish("good", { CallbackUrl: { Scheme: "http", Host: host, Path: "/done" } });
    await queue.publish("bad", { CallbackUrl: { Scheme: "http", Host: host, Path: "/done" } });
    await queue.publish("flaky", { CallbackUrl: { Scheme: "http", Host: host, Path: "/done" } });
    await queue.publish("missing");
    await queue.publishRaw("no json");
    await queue.publishRaw('{"Function":"../x"}');
    await queue.untilEmpty();

    const port = await listen(worker.metricsServer, 0, "127.0.0.1");
    atEnd(() => stopServer(worker.metricsServer));
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const counts = text.matchAll(/^queue_worker_(?!.*(?:_bucket|_sum|pending))(.*) (\d+)$/gm);
    const PROCESSED = "messages_processed_total";
    const counted: unknown = Object.fromEntries(
      [...counts].map(([, name, value]) => [name, Number(value)]),
    );
    expect(counted).toEqual({
      [`${PROCESSED}{function_name="good",code="200"}`]: 2,
      [`${PROCESSED}{function_name="bad",code="500"}`]: 1,
      [`${PROCESSED}{function_name="flaky",code="200"}`]: 1,
      [`${PROCESSED}{function_name="missing",code="404"}`]: 1,
      'messages_retried_total{function_name="bad"}': 1,
      'messages_retried_total{function_name="flaky"}': 1,
      messages_malformed_total: 2,
      'callbacks_total{code="200"}': 3,
      'function_invocation_inflight{function_name="good"}': 0,
      'function_invocation_inflight{function_name="bad"}': 0,
      'function_invocation_inflight{function_name="flaky"}': 0,
      'function_invocation_inflight{function_name="missing"}': 0,
      'function_seconds_count{function_name="good"}': 2,
      'function_seconds_count{function_name="bad"}': 2,
      'function_seconds_count{function_name="flaky"}': 2,
      'function_seconds_count{function_name="missing"}': 1,
      nats_reconnect_total: 0,
    });
    const reported = callbacks.received.map(({ headers }) => [
      headers["x-function-name"],
      headers["x-function-status"],
    ]);
    expect(reported.sort()).toEqual([
      ["bad", "500"],
      ["flaky", "200"],
      ["good", "200"],
    ]);
  });
});
