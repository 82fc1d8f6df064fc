/** A real NATS behind a gateway under test: what is queued, by whose case that was. */
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { BODIES, decodeCall, QUEUE, STREAM } from "../../contract/queue/index.ts";
import { messageOf } from "../../services/lib/logger.ts";
import { NatsServer } from "../support/nats.ts";
import { clientOf } from "./upstream.ts";

export interface SeenMessage {
  /** The raw name in the path, with its namespace if it has one. */
  calledAs: string;
  method: string;
  path: string;
  query: string;
  /** Latin1; of one that is kept beside its message, the length alone. */
  body: string | number;
}

/** So that what is left by a campaign that is killed takes no room. */
const CONFIG = "jetstream { max_file_store: 1GiB, max_memory_store: 64MiB }\n";

export class RecordingQueue {
  readonly #nats: NatsServer;
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #seen = new Map<string, SeenMessage[]>();
  /** Messages that are none of the platform's: each is a fault of the gateway. */
  readonly breaches: string[] = [];
  #hasBodies = false;

  private constructor(nats: NatsServer, connection: NatsConnection, manager: JetStreamManager) {
    this.#nats = nats;
    this.#connection = connection;
    this.#manager = manager;
    // Not the stream's: what is published comes here at once, and nothing is to be acknowledged.
    connection.subscribe(`${QUEUE.subject}.>`, {
      callback: (_error, message) => this.#keep(message),
    });
  }

  static async start(): Promise<RecordingQueue> {
    const nats = await NatsServer.create(CONFIG);
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    const manager = await jetstreamManager(connection, { timeout: 60_000, checkAPI: false });
    return new RecordingQueue(nats, connection, manager);
  }

  async stop(): Promise<void> {
    await this.#connection.close();
    await this.#nats.destroy();
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#nats.port}`;
  }

  /** What was queued for one client since the last question, which is forgotten with it. */
  take(client: string): SeenMessage[] {
    const found = this.#seen.get(client) ?? [];
    this.#seen.delete(client);
    return found;
  }

  /** How many calls are stored; all that was published before has come here by then. */
  async count(): Promise<number> {
    const { state } = await this.#manager.streams.info(STREAM.calls);
    await this.#connection.flush();
    return state.messages;
  }

  /** Throws all stored calls away: nobody runs them. */
  async purge(): Promise<void> {
    await this.#manager.streams.purge(STREAM.calls);
    if (this.#hasBodies) {
      this.#hasBodies = false;
      await this.#manager.streams.purge(BODIES.stream);
    }
  }

  #keep({ headers, data }: Msg): void {
    try {
      const call = decodeCall(headers ?? [], data);
      const { body } = call;
      this.#hasBodies ||= !Buffer.isBuffer(body);
      const client = clientOf(call.headers["X-Forwarded-For"] ?? []);
      const message = {
        calledAs: call.calledAs ?? "",
        method: call.method,
        path: call.path,
        query: call.query,
        body: Buffer.isBuffer(body) ? body.toString("latin1") : body.bytes,
      };
      this.#seen.set(client, [...(this.#seen.get(client) ?? []), message]);
    } catch (error) {
      this.breaches.push(messageOf(error));
    }
  }
}
