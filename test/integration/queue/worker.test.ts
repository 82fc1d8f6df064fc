/** The queue-worker on a real JetStream, with real servers on both sides. */
import { createServer, type RequestListener, type Server } from "node:http";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { listen } from "../../../services/lib/metrics.ts";
import { createWorker, type Worker } from "../../../services/queue-worker/app.ts";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { createKeptLog } from "../../support/logs.ts";
import { NatsServer } from "../../support/nats.ts";
import { stopServer } from "../../support/network.ts";
import { until } from "../../support/until.ts";

let nats: NatsServer;
let connection: NatsConnection;
let gateway: Server;
let handler: RequestListener;
let seen: string[];
let workers: Worker[];

beforeEach(async () => {
  nats = await NatsServer.create();
  connection = await connect({
    servers: `127.0.0.1:${nats.port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
  });
  seen = [];
  workers = [];
  handler = (_request, response) => response.end();
  gateway = createServer((request, response) => {
    seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
    request.resume();
    handler(request, response);
  });
  await listen(gateway, 0, "127.0.0.1");
});

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await connection.close();
  await nats.destroy();
  await stopServer(gateway);
});

function startWorker(env: Record<string, string> = {}): Worker {
  const { port } = gateway.address() as { port: number };
  const config = readConfig({
    faas_nats_address: "127.0.0.1",
    faas_nats_port: String(nats.port),
    faas_gateway_address: "127.0.0.1",
    faas_gateway_port: String(port),
    initial_retry_wait: "100ms",
    max_retry_wait: "200ms",
    ...env,
  });
  const worker = createWorker({ config, logger: createKeptLog().logger });
  workers.push(worker);
  worker.start();
  return worker;
}

async function addStream(): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: "OF_faas-request",
    subjects: ["faas-request"],
    retention: "workqueue",
  });
}

async function publish(name: string, extra: object = {}): Promise<void> {
  const message = { Function: name, Header: {}, ...extra };
  await jetstream(connection).publish("faas-request", JSON.stringify(message));
}

async function waiting(): Promise<number> {
  const manager = await jetstreamManager(connection);
  return (await manager.streams.info("OF_faas-request")).state.messages;
}

const isDone = async (): Promise<boolean> => (await waiting()) === 0;

describe("the queue-worker", () => {
  test("waits for the stream, then calls and acknowledges", async () => {
    const worker = startWorker();
    await until("the connection", () => worker.health.problems().length === 1);
    expect(worker.health.problems()).toEqual(["queue: no stream yet"]);
    await addStream();
    await publish("f", { Method: "DELETE", Path: "/a", QueryString: "b=1" });
    await until("the queue to be empty", isDone);
    expect(seen).toEqual(["DELETE /function/f/a?b=1"]);
    expect(worker.health.problems()).toEqual([]);
  });

  test("makes as many calls at once as it may, and no more", async () => {
    await addStream();
    let inFlight = 0;
    let most = 0;
    handler = (_request, response) => {
      most = Math.max(most, ++inFlight);
      setTimeout(() => {
        inFlight -= 1;
        response.end();
      }, 50);
    };
    await Promise.all(Array.from({ length: 20 }, () => publish("f")));
    startWorker({ max_inflight: "4" });
    await until("the queue to be empty", isDone);
    expect([most, seen.length]).toEqual([4, 20]);
  });

  test("calls a function once that takes longer than ack_wait", async () => {
    await addStream();
    handler = (_request, response) => setTimeout(() => response.end(), 5000);
    startWorker({ ack_wait: "2s" });
    startWorker({ ack_wait: "2s" });
    await publish("slow");
    await until("the queue to be empty", isDone);
    expect(seen).toEqual(["POST /function/slow"]);
  });

  test("makes no call twice that waited for its turn longer than ack_wait", async () => {
    await addStream();
    handler = (_request, response) => setTimeout(() => response.end(), 900);
    await Promise.all([1, 2, 3, 4, 5].map((index) => publish(`f${index}`)));
    startWorker({ ack_wait: "2s", max_inflight: "1" });
    await until("the queue to be empty", isDone);
    expect([...seen].sort()).toEqual([1, 2, 3, 4, 5].map((index) => `POST /function/f${index}`));
  });

  test("comes again after a failure until it succeeds", async () => {
    await addStream();
    handler = (_request, response) => response.writeHead(seen.length < 3 ? 503 : 200).end();
    startWorker();
    await publish("f");
    await until("the queue to be empty", isDone);
    expect(seen).toHaveLength(3);
  });

  test("gives up after the last attempt", async () => {
    await addStream();
    handler = (_request, response) => response.writeHead(500).end();
    startWorker({ max_attempts: "3" });
    await publish("f");
    await until("the queue to be empty", isDone);
    expect(seen).toHaveLength(3);
  });

  test("is not stopped by a message that is no call", async () => {
    await addStream();
    startWorker();
    await jetstream(connection).publish("faas-request", "no json");
    await publish("f");
    await until("the queue to be empty", isDone);
    expect(seen).toEqual(["POST /function/f"]);
  });

  test("finishes what is in flight when it ends, and leaves the rest to others", async () => {
    await addStream();
    const gate = Promise.withResolvers<undefined>();
    handler = (_request, response) => void gate.promise.then(() => response.end());
    const worker = startWorker({ max_inflight: "1" });
    await publish("first");
    await publish("second");
    await until("the first call", () => seen.length === 1);
    workers = [];
    const closed = worker.close();
    gate.resolve(undefined);
    await closed;
    expect([seen, await waiting()]).toEqual([["POST /function/first"], 1]);
    startWorker();
    await until("the queue to be empty", isDone);
    expect(seen).toEqual(["POST /function/first", "POST /function/second"]);
  });

  test("goes on after NATS was killed and came back, without losing a call", async () => {
    await addStream();
    const worker = startWorker();
    await publish("before");
    await until("the queue to be empty", isDone);
    await nats.halt("SIGKILL");
    await until("the worker to notice", () => worker.health.problems().length > 0);
    await nats.start();
    await until(
      "a publication",
      () =>
        publish("after").then(
          () => true,
          () => false,
        ),
      10_000,
    );
    await until("the call", () => seen.includes("POST /function/after"), 20_000);
    await until("the queue to be empty", isDone);
  }, 60_000);

  test("goes on after the stream was deleted and made again", async () => {
    await addStream();
    startWorker();
    await publish("before");
    await until("the queue to be empty", isDone);
    const manager = await jetstreamManager(connection);
    await manager.streams.delete("OF_faas-request");
    await addStream();
    await publish("after");
    await until("the call", () => seen.includes("POST /function/after"), 25_000);
  }, 60_000);
});
