/** What the worker makes of a function's answers: repetitions, callbacks, and what it counts. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { QUEUE, STREAM } from "../../../contract/queue/index.ts";
import { listen } from "../../../services/lib/servers.ts";
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
  await queue.addStreams();
});

/** Waits longer than any test takes: what is to be repeated stays in the queue. */
const SLOW = { initial_retry_wait: "10m", max_retry_wait: "30m" };

const SECOND = 1e9;

/** Of a call that is to come again, how long it has to wait, seconds; undefined for others. */
function readDelay(told: string): number | undefined {
  const [verb, json] = told.split(" ", 2);
  return verb === "-NAK" && json !== undefined
    ? (JSON.parse(json) as { delay: number }).delay / SECOND
    : undefined;
}

/** Queues one call after the other, and tells what the queue heard of the first run of each. */
async function tellEach(names: string[]): Promise<string[]> {
  const settled = await queue.hearSettled();
  const words: string[] = [];
  for (const name of names) {
    const [sequence = ""] = (await queue.publish(name)).split("-");
    await until(`word of ${name}`, () => settled.has(sequence));
    words.push(settled.get(sequence) ?? "");
  }
  return words;
}

const nameOf = (url = ""): string => /^\/function\/(.*)\.openfaas-fn$/.exec(url)?.[1] ?? "";

describe("the queue is told", () => {
  test("that a call is done with, whatever its final status", async () => {
    const statuses = ["200", "201", "202", "204", "301", "304", "400", "401", "404", "413", "501"];
    queue.handler = ({ url }, response) => {
      response.writeHead(Number(nameOf(url)), { "retry-after": "1" }).end();
    };
    queue.startWorker(SLOW);
    expect(await tellEach(statuses)).toEqual(statuses.map(() => "+ACK"));
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(statuses.length);
    expect(await queue.letters()).toEqual([]);
  });

  test("when to give a call again: as Retry-After asks, by doubling waits, or soon", async () => {
    const answers: Record<string, [status: number, headers?: Record<string, string>]> = {
      asked: [429, { "retry-after": "7" }],
      "asked-too": [503, { "retry-after": "1201" }],
      "too-long": [429, { "retry-after": "86400" }],
      "not-for-this": [500, { "retry-after": "7" }],
      unreadable: [503, { "retry-after": "1.5" }],
      timeout: [408],
      "bad-gateway": [502],
      "gateway-timeout": [504, { "x-plonk-code": "PLONK_UPSTREAM_TIMEOUT" }],
      reset: [0],
      overloaded: [503, { "x-plonk-code": "PLONK_OVERLOADED" }],
      full: [429],
    };
    queue.handler = ({ url, socket }, response) => {
      const [status, headers] = answers[nameOf(url)] ?? [200];
      if (status === 0) {
        socket.resetAndDestroy();
      } else {
        response.writeHead(status, headers).end();
      }
    };
    queue.startWorker(SLOW);
    const delays = (await tellEach(Object.keys(answers))).map(readDelay);
    expect(delays.slice(0, 3)).toEqual([7, 1201, 1800]);
    for (const delay of delays.slice(3, 8)) {
      expect(delay).toBeGreaterThanOrEqual(300);
      expect(delay).toBeLessThanOrEqual(600);
    }
    for (const delay of delays.slice(8)) {
      expect(delay).toBeLessThanOrEqual(1);
    }
    // The last three come again soon.
    const once = Object.keys(answers).slice(0, 8);
    const seen = queue.seen.map((call) => nameOf(call.replace("POST ", "")));
    expect(seen.filter((name) => once.includes(name))).toEqual(once);
    expect(await queue.waiting()).toBe(11);
  });

  test("nothing of attempts while the gateway is away: the call is run when it is back", async () => {
    queue.handler = ({ socket }) => void socket.resetAndDestroy();
    queue.startWorker({ max_attempts: "1" });
    await queue.publish("f");
    await until("some attempts", () => queue.seen.length >= 2);
    queue.handler = (_request, response) => response.end();
    await queue.untilEmpty();
    expect(await queue.letters()).toEqual([]);
  });
});

describe("a call that the gateway refuses", () => {
  test("is a dead letter at once: nothing is gained by a repetition", async () => {
    queue.handler = (_request, response) =>
      response.writeHead(401, { "x-plonk-code": "PLONK_UNAUTHORIZED" }).end("invalid credentials");
    queue.startWorker();
    await queue.publish("private");
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(1);
    expect(await queue.letters()).toMatchObject([
      { reason: "the gateway refused it: PLONK_UNAUTHORIZED", status: 401 },
    ]);
  });
});

describe("a large answer", () => {
  test("that nobody is called back with is read to its end, and runs once", async () => {
    let ended = false;
    queue.handler = (_request, response) => {
      response.once("finish", () => (ended = true));
      response.end(Buffer.alloc(QUEUE.maxBodyBytes + 1));
    };
    queue.startWorker();
    await queue.publish("f");
    await queue.untilEmpty();
    expect([queue.seen.length, ended]).toEqual([1, true]);
  });

  test.each([
    [QUEUE.maxInlineBytes + 1, false],
    [QUEUE.maxBodyBytes, false],
    [QUEUE.maxBodyBytes + 1, true],
  ])("of %d bytes reaches the callback; truncated: %p", async (bytes, isTruncated) => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    queue.handler = (_request, response) => response.end(Buffer.alloc(bytes, "x"));
    queue.startWorker();
    await queue.publish("f", { callback: new URL(callbacks.url) });
    await until("the callback", () => callbacks.received.length === 1);
    const [{ headers, body } = { headers: {}, body: "" }] = callbacks.received;
    expect([headers["x-function-status"], headers["x-plonk-truncated"], body.length]).toEqual([
      ...["200", isTruncated ? "true" : undefined, Math.min(bytes, QUEUE.maxBodyBytes)],
    ]);
    await queue.untilEmpty(STREAM.callbacks);
    expect(queue.seen).toHaveLength(1);
  });

  test("that breaks off counts by its status, which had come", async () => {
    queue.handler = (_request, response) => {
      response.writeHead(200, { "content-length": "10" }).write("12345");
      setImmediate(() => response.destroy());
    };
    queue.startWorker();
    await queue.publish("f");
    await queue.untilEmpty();
    expect(queue.seen).toHaveLength(1);
  });
});

describe("a callback", () => {
  test("is tried again until it is taken, and holds no call up", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    callbacks.answers.push(503, 500, 429);
    queue.startWorker();
    await queue.publish("f", { callback: new URL(callbacks.url) });
    await queue.untilEmpty();
    await queue.untilEmpty(STREAM.callbacks);
    expect([callbacks.received.length, queue.seen.length]).toEqual([4, 1]);
  });

  test("that is refused is a dead letter of its own", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    callbacks.answers.push(404);
    queue.startWorker();
    const id = await queue.publish("f", { callback: new URL(callbacks.url) });
    await queue.untilEmpty(STREAM.calls);
    await until("the letter", async () => (await queue.letters()).length === 1);
    expect(await queue.letters()).toMatchObject([{ kind: "callback", id, reason: "status 404" }]);
  });

  test("to an address inside makes no connection", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    queue.startWorker({ callback_allow: "" });
    await queue.publish("f", { callback: new URL(callbacks.url) });
    await until("the letter", async () => (await queue.letters()).length === 1);
    expect(await queue.letters()).toMatchObject([{ kind: "callback" }]);
    expect(callbacks.connections).toBe(0);
  });
});

describe("what becomes of calls", () => {
  test("is counted, each once", async () => {
    const callbacks = await CallbackReceiver.start("127.0.0.1");
    atEnd(() => callbacks.close());
    queue.handler = ({ url }, response) => {
      const name = nameOf(url);
      const count = queue.seen.filter((call) => call.includes(`/${name}.`)).length;
      const status = { bad: 500, flaky: count === 1 ? 503 : 200, missing: 404 }[name] ?? 200;
      response.writeHead(status).end("x");
    };
    const worker = queue.startWorker({ max_attempts: "2" });
    const callback = new URL(callbacks.url);
    await queue.publish("good");
    for (const name of ["good", "bad", "flaky"]) {
      await queue.publish(name, { callback });
    }
    await queue.publish("missing");
    await queue.publishForeign("no json");
    await queue.untilEmpty();
    await queue.untilEmpty(STREAM.callbacks);

    const port = await listen(worker.metricsServer, 0, "127.0.0.1");
    atEnd(() => stopServer(worker.metricsServer));
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const counts = text.matchAll(/^queue_worker_(?!.*(?:_bucket|_sum|pending|wait))(.*) (\d+)$/gm);
    const counted: Record<string, number> = {};
    for (const [, name = "", value] of counts) {
      counted[name.replaceAll(".openfaas-fn", "")] = Number(value);
    }
    const PROCESSED = "messages_processed_total";
    expect(counted).toEqual({
      [`${PROCESSED}{function_name="good",code="200"}`]: 2,
      [`${PROCESSED}{function_name="bad",code="500"}`]: 1,
      [`${PROCESSED}{function_name="flaky",code="200"}`]: 1,
      [`${PROCESSED}{function_name="missing",code="404"}`]: 1,
      'messages_retried_total{function_name="bad",reason="failed"}': 1,
      'messages_retried_total{function_name="flaky",reason="failed"}': 1,
      'dead_letters_total{function_name="bad",kind="call"}': 1,
      'dead_letters_total{function_name="_._",kind="malformed"}': 1,
      'callbacks_total{function_name="good",code="200"}': 1,
      'callbacks_total{function_name="bad",code="200"}': 1,
      'callbacks_total{function_name="flaky",code="200"}': 1,
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
      headers["x-retry"],
      headers["x-retry-max"],
    ]);
    expect(reported.sort()).toEqual([
      ["bad.openfaas-fn", "500", "1", "1"],
      ["flaky.openfaas-fn", "200", "1", "1"],
      ["good.openfaas-fn", "200", "0", "1"],
    ]);
  });
});
