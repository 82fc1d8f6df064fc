/** Puts calls into the queue as the gateway does, without it. */
import { jetstream } from "@nats-io/jetstream";
import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { NAMESPACE } from "../../contract/index.ts";
import { encodeCall, QUEUE, type QueuedCall, toHint, toLane } from "../../contract/queue/index.ts";
import { drawNonce } from "../../services/lib/queue/nonce.ts";
import { LEAST_CALL } from "../../test/support/queued-message.ts";

/** Body of a call, bytes. */
export const BODY_BYTES = 1024;

/** A call as the gateway queues it of a common client. */
const USUAL: Partial<QueuedCall> = {
  host: "gateway.example.com",
  headers: {
    "Content-Type": ["application/json"],
    "User-Agent": ["curl/8.14.1"],
    Accept: ["*/*"],
    "X-Forwarded-For": ["192.0.2.7"],
    "X-Forwarded-Host": ["gateway.example.com"],
  },
  body: Buffer.alloc(BODY_BYTES, "x"),
};

/** Where the calls of a function wait. */
export function laneOf(name: string): string {
  return toLane({ name, namespace: NAMESPACE.functions }, QUEUE.name);
}

/** Messages without an answer at once. */
const CONCURRENCY = 200;

export class Filler {
  readonly #connection: NatsConnection;
  readonly #signal: AbortSignal;

  constructor(connection: NatsConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /** Queues so many calls of a function; resolves when they are stored. */
  async fill(name: string, count: number, changes: Partial<QueuedCall> = {}): Promise<void> {
    const client = jetstream(this.#connection);
    const lane = laneOf(name);
    let left = count;
    const work = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        this.#signal.throwIfAborted();
        const { head, payload } = toMessage(name, changes);
        await client.publish(lane, payload, { headers: head });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    this.#connection.publish(toHint(lane));
  }

  /**
   * The same for a great many: only the last of a batch waits for JetStream, which takes them in
   * their order.
   *
   * @param batch less than what JetStream takes in advance: 10,000
   */
  async fillFast(name: string, count: number, batch: number): Promise<void> {
    const client = jetstream(this.#connection);
    const lane = laneOf(name);
    const { head, payload } = toMessage(name, { body: Buffer.alloc(0) });
    for (let done = 0; done < count; done += batch) {
      this.#signal.throwIfAborted();
      for (let index = 1; index < Math.min(batch, count - done); index++) {
        this.#connection.publish(lane, payload, { headers: head });
      }
      await client.publish(lane, payload, { headers: head });
    }
  }
}

function toMessage(
  name: string,
  changes: Partial<QueuedCall>,
): { head: MsgHdrs; payload: Uint8Array } {
  const { fields, payload } = encodeCall({
    ...{ ...LEAST_CALL, ...USUAL },
    reference: { name, namespace: NAMESPACE.functions },
    nonce: drawNonce(),
    acceptedAt: Date.now(),
    ...changes,
  });
  const head = headers();
  fields.forEach(([field, value]) => head.append(field, value));
  return { head, payload };
}
