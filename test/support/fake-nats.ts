/** A connection to NATS on which a test gives the answers of JetStream. */
import {
  headers,
  type Msg,
  type NatsConnection,
  type SubscriptionOptions,
} from "@nats-io/transport-node";

type Hear = (...heard: Parameters<NonNullable<SubscriptionOptions["callback"]>>) => void;

export interface AskedMessage {
  subject: string;
  text: string;
  reply: string;
}

export class FakeNats {
  /** What was asked, in its order. */
  readonly asked: AskedMessage[] = [];
  /** What was said to messages, by their places in the stream, e.g. `3 -NAK`. */
  readonly said: string[] = [];
  /** Subjects that are listened to. */
  readonly subjects: string[] = [];
  /** Why nothing can be said any more. */
  failure: Error | undefined;
  #hear: Hear = () => undefined;

  get connection(): NatsConnection {
    const connection = {
      subscribe: (subject: string, { callback }: { callback: Hear }) => {
        this.subjects.push(subject);
        this.#hear = callback;
      },
      publish: (subject: string, text: string, { reply }: { reply: string }) => {
        if (this.failure !== undefined) {
          throw this.failure;
        }
        this.asked.push({ subject, text, reply });
      },
    };
    return connection as unknown as NatsConnection;
  }

  /** Answers the question of that number with a status, e.g. 404. */
  answer(index: number, code: number, description = "No Messages"): void {
    const { reply } = this.asked[index] ?? { reply: "" };
    this.#hear(null, this.#createMessage(reply, { headers: headers(code, description) }));
  }

  /** Says of the question of that number that it was heard. */
  hear(index: number): void {
    const { reply } = this.asked[index] ?? { reply: "" };
    this.#hear(null, this.#createMessage(reply, {}));
  }

  /** Gives a message of a consumer, as it does to whom asks for one. */
  give(consumer: string, sequence: number): void {
    const reply = `$JS.ACK.STREAM.${consumer}.1.${sequence}.1.1795906000000000000.0`;
    const respond = (word: string): boolean => {
      this.said.push(`${sequence} ${word}`);
      return true;
    };
    this.#hear(null, this.#createMessage("faas-request.dev.f", { reply, respond }));
  }

  /** What the server says of the subscription itself. */
  fail(error: Error): void {
    this.#hear(error, this.#createMessage("", {}));
  }

  #createMessage(subject: string, parts: object): Msg {
    return { subject, data: new Uint8Array(), ...parts } as Msg;
  }
}
