/** From delivery to acknowledgement. */
import { createServer, type RequestListener } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { closeServer, listen, Registry } from "../../../services/lib/metrics.ts";
import { HttpCalls } from "../../../services/queue-worker/http-calls.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";
import { type Delivery, processMessage } from "../../../services/queue-worker/processor.ts";
import { createDelivery } from "../../support/delivery.ts";
import { createKeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";

const CANARY = "canary-c0de";
let handler: RequestListener;
const server = createServer((request, response) => handler(request, response));
let calls: HttpCalls;
let url = "";
let events: string[];
let registry: Registry;

beforeAll(async () => {
  url = `http://127.0.0.1:${await listen(server, 0, "127.0.0.1")}`;
  calls = new HttpCalls({ gatewayUrl: url, callTimeoutMs: 5000, callbackWaitMs: 1 });
});

afterAll(async () => {
  await calls.close();
  server.closeAllConnections();
  await closeServer(server);
});

beforeEach(() => {
  events = [];
  registry = new Registry();
});

function deliver(message: unknown, deliveryCount = 1): Delivery {
  return createDelivery(message, { deliveryCount, events });
}

async function run(delivery: Delivery, ackWaitMs = 60_000): Promise<string> {
  const { logger, text } = createKeptLog();
  const retry = { maxAttempts: 3, initialWaitMs: 1000, maxWaitMs: 1000 };
  const metrics = new WorkerMetrics(registry);
  await processMessage({ calls, metrics, logger, retry, ackWaitMs }, delivery);
  return text();
}

const message = (extra: object = {}): object => ({
  Function: "f",
  Header: { "X-Call-Id": ["c1"], Authorization: [`Bearer ${CANARY}`] },
  Body: Buffer.from(CANARY).toString("base64"),
  ...extra,
});

function callbackUrl(): object {
  return { Scheme: "http", Host: new URL(url).host, Path: "/cb" };
}

describe("processMessage", () => {
  test("acknowledges after the call and after the callback, not before", async () => {
    handler = (request, response) => {
      events.push(request.url ?? "");
      response.end("x");
    };
    await run(deliver(message({ CallbackUrl: callbackUrl() })));
    expect(events).toEqual(["/function/f", "/cb", "ack"]);
  });

  test("keeps the message its own while the function runs", async () => {
    const claims = (): number => events.filter((event) => event === "working").length;
    handler = (_request, response) => {
      void until("three claims", () => claims() >= 3).then(() => response.end());
    };
    await run(deliver(message()), 150);
    expect(events.at(-1)).toBe("ack");
    const count = events.length;
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(events).toHaveLength(count);
  });

  test("gives a failed call back to the queue, without a callback", async () => {
    handler = (request, response) => {
      events.push(request.url ?? "");
      response.writeHead(502).end();
    };
    await run(deliver(message({ CallbackUrl: callbackUrl() })));
    expect(events[0]).toBe("/function/f");
    expect(events[1]).toMatch(/^nak \d{3,4}$/);
    expect(events).toHaveLength(2);
  });

  test("reports the last failed attempt to the callback, then is done with it", async () => {
    let reported: unknown;
    handler = (request, response) => {
      if (request.url === "/cb") {
        reported = request.headers["x-function-status"];
      }
      response.writeHead(request.url === "/cb" ? 200 : 500).end();
    };
    await run(deliver(message({ CallbackUrl: callbackUrl() }), 3));
    expect(reported).toBe("500");
    expect(events).toEqual(["ack"]);
    expect(await registry.metrics()).toContain(
      'queue_worker_messages_processed_total{function_name="f",code="500"} 1',
    );
  });

  test("drops what is no call, and says so without its content", async () => {
    const log = await run(deliver(`{"Function":"${CANARY}`));
    expect(events).toEqual(["term malformed"]);
    expect(log).toContain("malformed message dropped");
    expect(log).not.toContain(CANARY);
    expect(await registry.metrics()).toContain("queue_worker_messages_malformed_total 1");
  });

  test("counts, and logs neither body nor Authorization", async () => {
    handler = (_request, response) => response.end(CANARY);
    const log = await run(deliver(message({ QueryString: `key=${CANARY}` })));
    expect(log).toContain('"callId":"c1"');
    expect(log).not.toContain(CANARY);
    const text = await registry.metrics();
    expect(text).toContain('queue_worker_function_invocation_inflight{function_name="f"} 0');
    expect(text).toContain("queue_worker_pending_messages 3");
    expect(text).toContain('queue_worker_messages_processed_total{function_name="f",code="200"} 1');
  });
});
