/** Callbacks of all kinds of receivers: the function is not called again because of one. */
import { createServer, type RequestListener } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { listen, Registry } from "../../../services/lib/metrics.ts";
import { HttpCalls } from "../../../services/queue-worker/http-calls.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";
import { processMessage } from "../../../services/queue-worker/processor.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { createDelivery } from "../../support/delivery.ts";
import { createKeptLog } from "../../support/logs.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

const atEnd = collectCleanups(afterEach);

interface Setting {
  /** The calls that a server has had, the gateway or the receiver. */
  seen: string[];
  port: number;
}

async function serve(answer: RequestListener): Promise<Setting> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
    request.resume();
    request.on("end", () => answer(request, response));
  });
  atEnd(() => stopServer(server));
  return { seen, port: await listen(server, 0, "127.0.0.1") };
}

interface Run {
  calls: string[];
  log: string;
  /** Callbacks that were counted, by their last status. */
  counted: string[];
}

interface RunOptions {
  /** Where the worker's words to the queue are kept. */
  events?: string[];
  ackWaitMs?: number;
}

/** Deals with one message; `receiver` is the callback's port. */
async function run(
  receiver: number | undefined,
  { events = [], ackWaitMs = 60_000 }: RunOptions = {},
): Promise<Run> {
  const gateway = await serve((_request, response) => response.end("answer"));
  const calls = new HttpCalls({
    gatewayUrl: `http://127.0.0.1:${gateway.port}`,
    callTimeoutMs: 5000,
    callbackWaitMs: 1,
  });
  atEnd(() => calls.close());
  const registry = new Registry();
  const metrics = new WorkerMetrics(registry);
  const { logger, text } = createKeptLog();
  const retry = { maxAttempts: 3, initialWaitMs: 1, maxWaitMs: 1 };
  const callback = { Scheme: "http", Host: `127.0.0.1:${receiver ?? 0}`, Path: "/canary" };
  const message = {
    Function: "f",
    CallbackUrl: receiver === undefined ? null : { ...callback, RawQuery: "key=canary" },
  };
  const delivery = createDelivery(message, { events });
  await processMessage({ calls, metrics, logger, retry, ackWaitMs }, delivery);
  const counted = (await registry.metrics()).match(/^queue_worker_callbacks_total\{.*$/gm) ?? [];
  return { calls: gateway.seen, log: text(), counted: [...counted] };
}

const counted = (status: number): string[] => [`queue_worker_callbacks_total{code="${status}"} 1`];

describe("a callback", () => {
  test.each<[string, number, RequestListener]>([
    ["accepts it", 202, (_request, response) => response.writeHead(202).end()],
    [
      "has more to say than anybody wants to hear",
      200,
      (_request, response) => response.end(Buffer.alloc(1024 * 1024)),
    ],
    ["knows of none", 404, (_request, response) => response.writeHead(404).end()],
    [
      "sends it elsewhere",
      302,
      (_request, response) => response.writeHead(302, { location: "/else" }).end(),
    ],
    ["always fails", 503, (_request, response) => response.writeHead(503).end()],
    ["is always busy", 429, (_request, response) => response.writeHead(429).end()],
    ["hangs up", 0, ({ socket }) => void socket.resetAndDestroy()],
    ["does not speak HTTP", 0, ({ socket }) => void socket.end("SSH-2.0-x\r\n")],
  ])("to somebody who %s is one in the count, by its last status", async (_who, status, answer) => {
    const receiver = await serve(answer);
    const result = await run(receiver.port);
    expect(result.counted).toEqual(counted(status));
    expect(result.calls).toEqual(["POST /function/f"]);
    expect(new Set(receiver.seen)).toEqual(new Set(["POST /canary?key=canary"]));
    expect(result.log.includes('"msg":"callback not accepted"')).toBe(status < 200 || status > 299);
    expect(result.log).not.toContain("canary");
  });

  test("to nobody is one in the count, and named by its host", async () => {
    const result = await run(1);
    expect(result.counted).toEqual(counted(0));
    expect(result.calls).toEqual(["POST /function/f"]);
    expect(result.log).toContain('"host":"127.0.0.1:1","status":0');
  });

  test("that nobody asked for is not made and not counted", async () => {
    const events: string[] = [];
    expect((await run(undefined, { events })).counted).toEqual([]);
    expect(events).toEqual(["ack"]);
  });

  test("that takes long keeps the message the worker's own", async () => {
    const gate = Promise.withResolvers<undefined>();
    const receiver = await serve((_request, response) => {
      void gate.promise.then(() => response.end());
    });
    const events: string[] = [];
    const running = run(receiver.port, { events, ackWaitMs: 30 });
    await until("the callback", () => receiver.seen.length === 1);
    const before = events.length;
    await until("three signs of life", () => events.length >= before + 3);
    expect(new Set(events)).toEqual(new Set(["working"]));
    gate.resolve(undefined);
    await running;
    expect(events.at(-1)).toBe("ack");
  });
});
