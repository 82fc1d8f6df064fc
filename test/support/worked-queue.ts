/** A queue on a real NATS server, a gateway whose answers the test gives, and workers. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "@jest/globals";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { QUEUE, STREAM_CONFIG } from "../../contract/queue/index.ts";
import { listen } from "../../services/lib/metrics.ts";
import { createWorker, type Worker } from "../../services/queue-worker/app.ts";
import { readConfig } from "../../services/queue-worker/config.ts";
import { createKeptLog, type KeptLog } from "./logs.ts";
import { NatsServer } from "./nats.ts";
import { stopServer } from "./network.ts";
import { until } from "./until.ts";

export class WorkedQueue {
  readonly nats: NatsServer;
  /** Calls that have reached the gateway, e.g. `POST /function/f`. */
  readonly seen: string[] = [];
  /** Lines of all workers. */
  readonly log: KeptLog = createKeptLog();
  /** Answers the calls. @default 200 without a body */
  handler: RequestListener = (_request, response) => response.end();
  readonly #connection: NatsConnection;
  readonly #gateway: Server;
  readonly #workers: Worker[] = [];
  #manager: Promise<JetStreamManager> | undefined;

  private constructor(nats: NatsServer, connection: NatsConnection) {
    this.nats = nats;
    this.#connection = connection;
    this.#gateway = createServer((request, response) => {
      this.seen.push(`${request.method ?? ""} ${request.url ?? ""}`);
      request.resume();
      this.handler(request, response);
    });
    // A connection that is closed while it is used again would be a failed call.
    this.#gateway.keepAliveTimeout = 0;
  }

  /** Starts NATS, without a stream, and the gateway. */
  static async create(): Promise<WorkedQueue> {
    const nats = await NatsServer.create();
    const connection = await connect({
      servers: `127.0.0.1:${nats.port}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    const queue = new WorkedQueue(nats, connection);
    await listen(queue.#gateway, 0, "127.0.0.1");
    return queue;
  }

  /** Ends everything, in an order in which calls that a test still holds keep nobody waiting. */
  async close(): Promise<void> {
    this.handler = (_request, response) => response.end();
    const closing = this.#workers.map((worker) => worker.close());
    this.#gateway.closeAllConnections();
    await Promise.all(closing);
    await this.#connection.close();
    await this.nats.destroy();
    await stopServer(this.#gateway);
  }

  get gatewayPort(): number {
    return (this.#gateway.address() as AddressInfo).port;
  }

  /** The environment of a worker of this queue; it repeats soon. */
  env(changes: Record<string, string> = {}): Record<string, string> {
    return {
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(this.nats.port),
      faas_gateway_address: "127.0.0.1",
      faas_gateway_port: String(this.gatewayPort),
      initial_retry_wait: "100ms",
      max_retry_wait: "200ms",
      ...changes,
    };
  }

  startWorker(changes: Record<string, string> = {}): Worker {
    const config = readConfig(this.env(changes));
    const worker = createWorker({ config, logger: this.log.logger });
    this.#workers.push(worker);
    worker.start();
    return worker;
  }

  /** Starts NATS again, after a test has ended it. */
  async startNats(): Promise<void> {
    await this.nats.start();
    await until("the test's own connection", () =>
      this.#connection.rtt().then(
        () => true,
        () => false,
      ),
    );
  }

  manager(): Promise<JetStreamManager> {
    return (this.#manager ??= jetstreamManager(this.#connection));
  }

  /** Makes the stream as the gateway does. */
  async addStream(): Promise<void> {
    await (await this.manager()).streams.add(STREAM_CONFIG);
  }

  /** Queues a call; `extra` are fields of its message. */
  async publish(name: string, extra: object = {}): Promise<void> {
    await this.publishRaw(JSON.stringify({ Function: name, Header: {}, ...extra }));
  }

  async publishRaw(data: string | Uint8Array): Promise<void> {
    await jetstream(this.#connection).publish(QUEUE.subject, data);
  }

  /** Keeps what workers tell the queue of messages from now on, e.g. `+ACK`. */
  async hearWorkers(): Promise<string[]> {
    const heard: string[] = [];
    this.#connection.subscribe(`$JS.ACK.${QUEUE.stream}.>`, {
      callback: (_error, message) => void heard.push(message.string()),
    });
    await this.#connection.flush();
    return heard;
  }

  /** Messages that are not done with. */
  async waiting(): Promise<number> {
    return (await (await this.manager()).streams.info(QUEUE.stream)).state.messages;
  }

  async untilEmpty(): Promise<void> {
    await until("the queue to be empty", async () => (await this.waiting()) === 0);
  }

  /** Waits until the queue has given so many to workers, and has so many still to give. */
  async untilDelivered(ackPending: number, waiting: number): Promise<void> {
    const manager = await this.manager();
    await until(`${ackPending} with workers and ${waiting} in the queue`, async () => {
      const info = await manager.consumers.info(QUEUE.stream, QUEUE.consumer);
      expect(info.num_redelivered).toBe(0);
      return info.num_ack_pending === ackPending && info.num_pending === waiting;
    });
  }
}
