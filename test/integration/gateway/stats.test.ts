/** What the page shows beside the list. */
import { createServer, type ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { closeServer, listen } from "../../../services/lib/servers.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { holdClock, moveClock } from "../../support/clock.ts";
import { TestGateway } from "../../support/gateway.ts";
import { NatsServer } from "../../support/nats.ts";
import { callSystem, type SystemAnswer } from "../../support/system-client.ts";
import { until } from "../../support/until.ts";

const queries: string[] = [];
let answer: (query: string, response: ServerResponse) => void;
const prometheus = createServer((request, response) => {
  const query = new URL(request.url ?? "", "http://x").searchParams.get("query") ?? "";
  queries.push(query);
  answer(query, response);
});
const atEnd = collectCleanups(afterAll);
const onTestEnd = collectCleanups(afterEach);
let nats: NatsServer;
let gateway: TestGateway;

beforeAll(async () => {
  nats = await NatsServer.create();
  atEnd(() => nats.destroy());
  const prometheusPort = await listen(prometheus, 0, "127.0.0.1");
  atEnd(() => closeServer(prometheus));
  gateway = await TestGateway.start({
    faas_prometheus_port: String(prometheusPort),
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
  });
  atEnd(() => gateway.stop());
});

const call = (path: string): Promise<SystemAnswer> => callSystem(`${gateway.url}/system/${path}`);

function sendVector(response: ServerResponse, values: Record<string, string>): void {
  const result = Object.entries(values).map(([name, value]) => ({
    metric: { function_name: name },
    value: [0, value],
  }));
  response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
}

describe("/system/function-stats", () => {
  // An answer is good for a second.
  beforeEach(() => moveClock(1000));

  test("gives rates, quantiles and calls in flight, without what is not known", async () => {
    answer = (query, response) => {
      if (query.includes("histogram_quantile(0.5")) {
        sendVector(response, { "a.openfaas-fn": "0.012", "idle.openfaas-fn": "NaN" });
      } else if (query.includes("histogram_quantile(0.95")) {
        sendVector(response, { "a.openfaas-fn": "0.2", "idle.openfaas-fn": "NaN" });
      } else if (query.includes('code=~"5.."')) {
        sendVector(response, { "a.openfaas-fn": "0.5" });
      } else if (query.startsWith("clamp_min")) {
        sendVector(response, { "a.openfaas-fn": "3", "new.openfaas-fn": "1" });
      } else {
        sendVector(response, { "a.openfaas-fn": "2.5", "idle.openfaas-fn": "0", "x.other": "9" });
      }
    };
    expect(JSON.parse((await call("function-stats")).text)).toEqual([
      {
        name: "a",
        namespace: "openfaas-fn",
        callsPerSecond: 2.5,
        errorsPerSecond: 0.5,
        p50Seconds: 0.012,
        p95Seconds: 0.2,
        inFlight: 3,
      },
      { name: "idle", namespace: "openfaas-fn", callsPerSecond: 0, errorsPerSecond: 0 },
      { name: "new", namespace: "openfaas-fn", callsPerSecond: 0, errorsPerSecond: 0, inFlight: 1 },
    ]);
  });

  test("sums over the gateways, for the namespace alone, once for all who ask at a time", async () => {
    queries.length = 0;
    answer = (_query, response) => sendVector(response, {});
    // They ask at a time, however long that takes.
    onTestEnd(holdClock());
    await Promise.all([call("function-stats"), call("function-stats?namespace=openfaas-fn")]);
    const matcher = 'function_name=~"[^.]+[.]openfaas-fn"';
    expect(queries).toHaveLength(5);
    expect(queries).toContain(
      `sum by (function_name) (rate(gateway_function_invocation_total{${matcher}}[1m]))`,
    );
    expect(queries).toContain(
      `histogram_quantile(0.95, sum by (le, function_name) (rate(gateway_functions_seconds_bucket{${matcher}}[1m])))`,
    );
  });

  test.each([
    ["hangs", (): void => undefined],
    ["fails", (_: string, response: ServerResponse) => void response.writeHead(503).end("no")],
    ["talks nonsense", (_: string, response: ServerResponse) => void response.end("<html>")],
    ["drops the connection", (_: string, response: ServerResponse) => void response.destroy()],
  ])("is empty when Prometheus %s", async (_what, behaviour) => {
    answer = behaviour;
    const { status, text } = await call("function-stats");
    expect([status, text]).toEqual([200, "[]"]);
  });

  test("refuses a namespace without functions", async () => {
    expect((await call("function-stats?namespace=kube-system")).status).toBe(400);
  });
});

describe("/system/queue", () => {
  const enqueue = async (): Promise<number> => {
    const init = { method: "POST", body: "x", signal: AbortSignal.timeout(60_000) };
    return (await fetch(`${gateway.url}/async-function/f`, init)).status;
  };

  test("counts the calls that wait, before there is any worker", async () => {
    gateway.declare("f");
    await gateway.settle();
    await until("the queue", async () => (await enqueue()) === 202);
    expect(JSON.parse((await call("queue")).text)).toEqual({
      name: "faas-request",
      pending: 1,
      inFlight: 0,
      redelivered: 0,
    });
  });

  test("tells what a worker has taken and what it got once more", async () => {
    await enqueue();
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    onTestEnd(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.consumers.add("OF_faas-request", {
      durable_name: "faas-workers",
      ack_policy: "explicit",
    });
    const consumer = await jetstream(connection).consumers.get("OF_faas-request", "faas-workers");
    const first = await consumer.next();
    expect(JSON.parse((await call("queue")).text)).toMatchObject({ pending: 1, inFlight: 1 });
    first?.nak();
    const second = await consumer.next();
    if (second?.redelivered === false) {
      // The other call came first.
      await second.ackAck();
      await consumer.next();
    }
    expect(JSON.parse((await call("queue")).text)).toMatchObject({ inFlight: 1, redelivered: 1 });
  });

  test("is 503 while the queue is away, and 404 where there is none", async () => {
    await nats.halt();
    await until("the loss", async () => (await call("queue")).status === 503);
    expect((await call("queue")).text).toBe("queue: not reachable");
    const other = await TestGateway.start();
    onTestEnd(() => other.stop());
    const none = await callSystem(`${other.url}/system/queue`);
    expect([none.status, none.text]).toEqual([404, "queue: this gateway has none"]);
  });
});
