/** The queue-worker on a real JetStream, with real servers on both sides. */
import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { listen } from "../../../services/lib/metrics.ts";
import { createWorker, type Worker } from "../../../services/queue-worker/app.ts";
import { readConfig } from "../../../services/queue-worker/config.ts";
import { fakeOnly } from "../../support/clock.ts";
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
  jest.useRealTimers();
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

/** Waits until the queue has given so many to workers, and has so many still to give. */
async function untilDelivered(ackPending: number, waiting: number): Promise<void> {
  const manager = await jetstreamManager(connection);
  await until(`${ackPending} with workers and ${waiting} in the queue`, async () => {
    const info = await manager.consumers.info("OF_faas-request", "faas-workers");
    expect(info.num_redelivered).toBe(0);
    return info.num_ack_pending === ackPending && info.num_pending === waiting;
  });
}

const isDone = async (): Promise<boolean> => (await waiting()) === 0;

describe("the queue-worker", () => {
  test("waits for the stream, then calls and acknowledges", async () => {
    const worker = startWorker();
    await until("the connection", () => worker.health.problems().length === 1);
    expect(worker.health.problems()).toEqual([expect.stringMatching(/^queue: no stream yet/)]);
    await addStream();
    await publish("f", { Method: "DELETE", Path: "/a", QueryString: "b=1" });
    await until("the queue to be empty", isDone);
    expect(seen).toEqual(["DELETE /function/f/a?b=1"]);
    expect(worker.health.problems()).toEqual([]);
  });

  test("makes as many calls at once as it may, and no more", async () => {
    await addStream();
    const held: (() => void)[] = [];
    handler = (_request, response) => void held.push(() => response.end());
    await Promise.all(Array.from({ length: 20 }, () => publish("f")));
    startWorker({ max_inflight: "4" });
    for (let done = 0; done < 20; done += 4) {
      await until("four calls", () => held.length === done + 4);
      await untilDelivered(4, 16 - done);
      expect(held).toHaveLength(done + 4);
      held.slice(done).forEach((answer) => answer());
    }
    await until("the queue to be empty", isDone);
    expect(seen).toHaveLength(20);
  });

  test("says again and again that a call goes on, so that no other worker gets it", async () => {
    await addStream();
    const gate = Promise.withResolvers<undefined>();
    handler = (_request, response) => void gate.promise.then(() => response.end());
    const heard: string[] = [];
    connection.subscribe("$JS.ACK.OF_faas-request.>", {
      callback: (_error, message) => void heard.push(message.string()),
    });
    // What the queue is told within ack_wait; that it waits for that long once more is NATS' part.
    fakeOnly("setInterval", "clearInterval");
    startWorker({ ack_wait: "60s" });
    startWorker({ ack_wait: "60s" });
    await publish("slow");
    await until("the call", () => seen.length === 1);
    for (let turn = 1; turn <= 6; turn += 1) {
      jest.advanceTimersByTime(20_000);
      await until("a sign of life", () => heard.length === turn);
    }
    await untilDelivered(1, 0);
    gate.resolve(undefined);
    await until("the queue to be empty", isDone);
    expect(heard).toEqual([...Array.from({ length: 6 }, () => "+WPI"), "+ACK"]);
    expect(seen).toEqual(["POST /function/slow"]);
  });

  test("leaves in the queue what would have to wait for its turn, where no time runs", async () => {
    await addStream();
    const held: (() => void)[] = [];
    handler = (_request, response) => void held.push(() => response.end());
    await Promise.all([1, 2, 3, 4, 5].map((index) => publish(`f${index}`)));
    startWorker({ max_inflight: "1" });
    for (let left = 4; left >= 0; left -= 1) {
      await until("the next call", () => held.length === 5 - left);
      await untilDelivered(1, left);
      held.at(-1)?.();
    }
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
    await until("a publication", () =>
      publish("after").then(
        () => true,
        () => false,
      ),
    );
    await until("the call", () => seen.includes("POST /function/after"));
    await until("the queue to be empty", isDone);
  });

  test("goes on after the stream was deleted and made again", async () => {
    await addStream();
    startWorker();
    await publish("before");
    await until("the queue to be empty", isDone);
    const manager = await jetstreamManager(connection);
    await manager.streams.delete("OF_faas-request");
    await addStream();
    await publish("after");
    await until("the call", () => seen.includes("POST /function/after"));
  });
});
