/** A queue on a real NATS server, a gateway whose answers the test gives, and workers. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import {
  type CallState,
  type DeadLetter,
  encodeCall,
  QUEUE,
  type QueuedCall,
  readLetter,
  STREAM,
  SUBJECT,
  toCallId,
  toConsumerName,
  toConsumerSettings,
  toHint,
  toLane,
  toStateSubject,
} from "../../contract/queue/index.ts";
import { drawNonce } from "../../services/lib/queue/nonce.ts";
import { ensureStreams } from "../../services/lib/queue/streams.ts";
import { listen } from "../../services/lib/servers.ts";
import { createWorker, type Worker } from "../../services/queue-worker/app.ts";
import { readConfig } from "../../services/queue-worker/config.ts";
import { readAckSubject } from "../../services/queue-worker/delivery.ts";
import { createKeptLog, type KeptLog } from "./logs.ts";
import { NatsServer } from "./nats.ts";
import { stopServer } from "./network.ts";
import { LEAST_CALL } from "./queued-message.ts";
import { until } from "./until.ts";

/** Only to end a hang: a disk may be busy for longer than the five seconds that are usual. */
const PATIENCE_MS = 60_000;

export class WorkedQueue {
  readonly nats: NatsServer;
  /** Calls that have reached the gateway, e.g. `POST /function/f.openfaas-fn`. */
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

  /** The test's own connection to NATS. */
  get connection(): NatsConnection {
    return this.#connection;
  }

  get gatewayPort(): number {
    return (this.#gateway.address() as AddressInfo).port;
  }

  /** The environment of a worker of this queue; it repeats soon, and calls back to loopback. */
  env(changes: Record<string, string> = {}): Record<string, string> {
    return {
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(this.nats.port),
      faas_gateway_address: "127.0.0.1",
      faas_gateway_port: String(this.gatewayPort),
      callback_allow: "127.0.0.0/8",
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

  /** Makes the streams as the gateway does. */
  async addStreams(): Promise<void> {
    await ensureStreams(await this.manager());
  }

  /** Queues a call as the gateway does; resolves with its id. */
  async publish(
    name: string,
    { queue = QUEUE.name, ...extra }: Partial<QueuedCall> & { queue?: string } = {},
  ): Promise<string> {
    const call: QueuedCall = {
      ...LEAST_CALL,
      nonce: drawNonce(),
      reference: { name, namespace: "openfaas-fn" },
      acceptedAt: Date.now(),
      ...extra,
    };
    const { fields, payload } = encodeCall(call);
    const lane = toLane(call.reference, queue);
    const sequence = await this.publishRaw(lane, fields, payload);
    this.#connection.publish(toHint(lane));
    return toCallId({ sequence, nonce: call.nonce });
  }

  /** Queues a message as another OpenFaaS publisher does. */
  async publishForeign(message: unknown): Promise<void> {
    const text = typeof message === "string" ? message : JSON.stringify(message);
    await this.publishRaw(QUEUE.subject, [], Buffer.from(text));
  }

  /** Stores any message; resolves with its place in the stream. */
  async publishRaw(
    subject: string,
    fields: readonly [string, string][],
    payload: Uint8Array,
  ): Promise<number> {
    const head = headers();
    fields.forEach(([name, value]) => head.append(name, value));
    const client = jetstream(this.#connection, { timeout: PATIENCE_MS });
    return (await client.publish(subject, payload, { headers: head })).seq;
  }

  /** Keeps what workers tell the queue of calls from now on, e.g. `+ACK`. */
  async hearWorkers(): Promise<string[]> {
    const heard: string[] = [];
    this.#connection.subscribe(`$JS.ACK.${STREAM.calls}.>`, {
      callback: (_error, message) => void heard.push(message.string()),
    });
    await this.#connection.flush();
    return heard;
  }

  /**
   * Keeps by a call's place in the stream what workers tell first of what becomes of it, from now
   * on: not that they work on it, which they say whenever a second is over.
   */
  async hearSettled(): Promise<ReadonlyMap<string, string>> {
    const settled = new Map<string, string>();
    this.#connection.subscribe(`$JS.ACK.${STREAM.calls}.>`, {
      callback: (_error, message) => {
        const sequence = String(readAckSubject(message.subject)?.sequence);
        const word = message.string();
        if (word !== "+WPI" && !settled.has(sequence)) {
          settled.set(sequence, word);
        }
      },
    });
    await this.#connection.flush();
    return settled;
  }

  /** Waits until workers have so many calls. */
  async untilTaken(count: number): Promise<void> {
    const manager = await this.manager();
    await until(`${count} calls with workers`, async () => {
      const found = await manager.consumers
        .list(STREAM.calls)
        .next()
        .catch(() => []);
      return found.reduce((taken, info) => taken + info.num_ack_pending, 0) === count;
    });
  }

  /** What was told last of a call. */
  async state(id: string): Promise<CallState | undefined> {
    const manager = await this.manager();
    const query = { last_by_subj: `faas-state.*.*.${id}` };
    const message = await manager.streams.getMessage(STREAM.states, query);
    return message?.json<CallState>();
  }

  /** Tells workers that a call is cancelled, as the gateway does. */
  async cancel(id: string): Promise<void> {
    this.#connection.publish(`${SUBJECT.cancel}.${id}`);
    await this.#connection.flush();
  }

  /** Tells a state, as a worker does. */
  async tell(name: string, id: string, state: CallState): Promise<void> {
    const subject = toStateSubject({ name, namespace: "openfaas-fn" }, id);
    await this.publishRaw(subject, [], Buffer.from(JSON.stringify(state)));
  }

  /** Is a worker that gets a call of a function and ends before it is done with. */
  async takeAndGiveBack(name: string): Promise<void> {
    const lane = toLane({ name, namespace: "openfaas-fn" }, QUEUE.name);
    const manager = await this.manager();
    await manager.consumers.add(STREAM.calls, toConsumerSettings(lane, 60_000));
    const consumer = await jetstream(this.#connection).consumers.get(
      STREAM.calls,
      toConsumerName(lane),
    );
    const message = await consumer.next({ expires: 60_000 });
    message?.nak();
    await this.#connection.flush();
  }

  /** Calls that are not done with. */
  async waiting(stream: string = STREAM.calls): Promise<number> {
    return (await (await this.manager()).streams.info(stream)).state.messages;
  }

  async untilEmpty(stream: string = STREAM.calls): Promise<void> {
    const isEmpty = (): Promise<boolean> =>
      this.waiting(stream).then(
        (count) => count === 0,
        () => false,
      );
    await until("the queue to be empty", isEmpty);
  }

  /** Dead letters, the oldest first. */
  async letters(): Promise<DeadLetter[]> {
    const manager = await this.manager();
    const { state } = await manager.streams.info(STREAM.dead);
    const letters: DeadLetter[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await manager.streams.getMessage(STREAM.dead, { seq });
      letters.push(readLetter(message?.header ?? []));
    }
    return letters;
  }
}
