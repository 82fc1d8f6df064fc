/** A gateway with a queue on a real NATS, and what it has stored there. */
import { connect as openSocket } from "node:net";
import { text } from "node:stream/consumers";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { decodeCall, parseCallId, type QueuedCall, STREAM } from "../../contract/queue/index.ts";
import { BodyStore } from "../../services/lib/queue/body-store.ts";
import { echo, TestGateway } from "./gateway.ts";
import { NatsServer } from "./nats.ts";
import { until } from "./until.ts";

export class QueueGateway {
  readonly nats: NatsServer;
  readonly gateway: TestGateway;
  readonly manager: JetStreamManager;
  readonly #connection: NatsConnection;
  #bodies: BodyStore | undefined;

  private constructor(parts: {
    nats: NatsServer;
    gateway: TestGateway;
    manager: JetStreamManager;
    connection: NatsConnection;
  }) {
    this.nats = parts.nats;
    this.gateway = parts.gateway;
    this.manager = parts.manager;
    this.#connection = parts.connection;
  }

  /** Starts both, with the functions `f` and `g`, which has retries of its own. */
  static async start(): Promise<QueueGateway> {
    const nats = await NatsServer.create();
    const connection = await connect({ servers: `127.0.0.1:${nats.port}` });
    // Only to end a hang: a disk may be busy for longer than the five seconds that are usual.
    const manager = await jetstreamManager(connection, { timeout: 60_000 });
    const gateway = await TestGateway.start({
      faas_nats_address: "127.0.0.1",
      faas_nats_port: String(nats.port),
      callback_allow: "127.0.0.0/8",
    });
    await gateway.serve("f", echo);
    gateway.declare("g", {
      annotations: { "com.openfaas.retry.attempts": "3", "com.openfaas.retry.codes": "500,503" },
    });
    await gateway.settle();
    const queue = new QueueGateway({ nats, gateway, manager, connection });
    await until("the queue", async () => (await queue.call("f")).status === 202);
    return queue;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.#connection.close();
    await this.nats.destroy();
  }

  /** Calls a function, with what follows its name. */
  async call(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.gateway.url}/async-function/${path}`, { method: "POST", ...init });
  }

  /** The call that an answer of 202 is about, as it is stored. */
  async readStored(response: Response): Promise<QueuedCall> {
    return this.readCall(readId(response));
  }

  async readCall(id: string): Promise<QueuedCall> {
    const seq = parseCallId(id)?.sequence ?? 0;
    const message = await this.manager.streams.getMessage(STREAM.calls, { seq });
    return message === null
      ? Promise.reject(new Error("no message"))
      : decodeCall(message.header, message.data);
  }

  /** Calls a function; resolves with what is stored, once it is. */
  async store(path: string, init: RequestInit = {}): Promise<QueuedCall> {
    const response = await this.call(path, init);
    if (response.status !== 202) {
      throw new Error(`expected 202, got ${response.status}: ${await response.text()}`);
    }
    return this.readStored(response);
  }

  async readBody({ body }: QueuedCall): Promise<Buffer> {
    if (Buffer.isBuffer(body)) {
      return body;
    }
    this.#bodies ??= await BodyStore.open(jetstream(this.#connection));
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#bodies.read(body)) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async countCalls(): Promise<number> {
    return (await this.manager.streams.info(STREAM.calls)).state.messages;
  }

  /** A request of exactly these bytes, and the whole answer. */
  async sendRaw(line: string, pairs: readonly string[] = []): Promise<string> {
    const socket = openSocket(Number(new URL(this.gateway.url).port), "127.0.0.1");
    const lines = [line, "Host: gateway", "Content-Length: 0", "Connection: close"];
    for (let index = 0; index < pairs.length; index += 2) {
      lines.push(`${pairs[index] ?? ""}: ${pairs[index + 1] ?? ""}`);
    }
    socket.write(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"));
    return text(socket);
  }
}

/** The id of the call that an answer of 202 is about. */
export function readId(response: Response): string {
  const [, id = ""] = /^\/async\/calls\/(.+)$/.exec(response.headers.get("location") ?? "") ?? [];
  return id;
}
