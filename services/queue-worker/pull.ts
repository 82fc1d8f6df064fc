/**
 * Takes one message from a consumer, or learns at once that there is none (JetStream's API
 * `CONSUMER.MSG.NEXT` with `no_wait`). The library's own requests wait for a second at least.
 */
import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { Delivery, readAckSubject } from "./delivery.ts";

/** Longest wait for an answer, milliseconds: it is on its way, or the connection is lost. */
const ANSWER_MS = 5000;

const REQUEST = JSON.stringify({ batch: 1, no_wait: true });

/** There is no such consumer, or no JetStream: to be made, and asked again. */
export class ConsumerGoneError extends Error {
  override name = "ConsumerGoneError";
}

interface Waiting {
  resolve: (message: Msg) => void;
  reject: (error: Error) => void;
}

export class Puller {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  /** Requests without an answer, by stream and consumer; which answers which is the same. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.#connection = connection;
    this.#inbox = createInbox(inboxPrefix);
    connection.subscribe(`${this.#inbox}.>`, {
      callback: (error, message) => {
        if (error === null) {
          this.#answer(message);
        }
      },
    });
  }

  /**
   * The next message; undefined when there is none now. Throws a ConsumerGoneError where there is
   * no such consumer, and an Error when nobody answers.
   */
  async pull(stream: string, consumer: string): Promise<Delivery | undefined> {
    const message = await this.#ask(`${stream}.${consumer}`);
    const code = message.headers?.code ?? 0;
    if (code === 0) {
      return new Delivery(message, this.#connection);
    }
    if (code === 404 || code === 408) {
      return undefined;
    }
    // 409: it was deleted while it was asked; 503: there is none, or no JetStream.
    const reason = message.headers?.description ?? "";
    throw new ConsumerGoneError(`consumer ${consumer}: ${code} ${reason}`);
  }

  /** After a connection was lost: what has no answer yet gets none. */
  reset(): void {
    const waiting = [...this.#waiting.values()].flat();
    this.#waiting.clear();
    waiting.forEach(({ reject }) => reject(new Error("JetStream: the connection was lost")));
  }

  #ask(key: string): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#remove(key, waiting);
        reject(new Error("JetStream: no answer"));
      }, ANSWER_MS);
      const waiting: Waiting = {
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), waiting]);
      const reply = `${this.#inbox}.${key}`;
      this.#connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${key}`, REQUEST, { reply });
    });
  }

  #remove(key: string, waiting: Waiting): void {
    const left = (this.#waiting.get(key) ?? []).filter((each) => each !== waiting);
    if (left.length === 0) {
      this.#waiting.delete(key);
    } else {
      this.#waiting.set(key, left);
    }
  }

  #answer(message: Msg): void {
    const key = this.#toKey(message);
    const [waiting] = this.#waiting.get(key ?? "") ?? [];
    if (key !== undefined && waiting !== undefined) {
      this.#remove(key, waiting);
      waiting.resolve(message);
    } else if (readAckSubject(message.reply ?? "") !== undefined) {
      // Nobody waits for it any more: another worker may have it.
      message.respond("-NAK");
    }
  }

  /** A message has the subject that it was stored with, a status that of the request's inbox. */
  #toKey({ subject, reply }: Msg): string | undefined {
    if (subject.startsWith(`${this.#inbox}.`)) {
      return subject.slice(this.#inbox.length + 1);
    }
    const ack = readAckSubject(reply ?? "");
    return ack && `${ack.stream}.${ack.consumer}`;
  }
}
