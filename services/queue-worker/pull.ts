/**
 * Takes one message from a consumer, or learns at once that there is none (JetStream's API
 * `CONSUMER.MSG.NEXT` with `no_wait`), and says what is done with. The library's own pulls wait for
 * a second at least.
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { Inbox } from "../lib/queue/inbox.ts";
import { Delivery, readAckSubject } from "./delivery.ts";

const REQUEST = JSON.stringify({ batch: 1, no_wait: true });

/** There is no such consumer, or no JetStream: to be made, and asked again. */
export class ConsumerGoneError extends Error {
  override name = "ConsumerGoneError";
}

export class Puller {
  readonly #inbox: Inbox;

  constructor(connection: NatsConnection, inboxPrefix: string) {
    this.#inbox = new Inbox(connection, inboxPrefix, { keyOf, onUnasked: giveBack });
  }

  /**
   * The next message; undefined when there is none now. Throws a ConsumerGoneError where there is
   * no such consumer, and an Error when nobody answers.
   */
  async pull(stream: string, consumer: string): Promise<Delivery | undefined> {
    const key = `${stream}.${consumer}`;
    const subject = `$JS.API.CONSUMER.MSG.NEXT.${key}`;
    const message = await this.#inbox.ask({ subject, payload: REQUEST, key });
    const code = message.headers?.code ?? 0;
    if (code === 0) {
      return new Delivery(message, (reply) => this.#confirm(reply));
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
    this.#inbox.reset();
  }

  async #confirm(subject: string): Promise<void> {
    const answer = await this.#inbox.ask({ subject, payload: "+ACK" });
    if (answer.headers?.code === 503) {
      throw new Error("JetStream: nobody has heard what is done with");
    }
  }
}

/** A message has the subject that it was stored with, a status that of the request's inbox. */
function keyOf({ reply }: Msg): string | undefined {
  const ack = readAckSubject(reply ?? "");
  return ack && `${ack.stream}.${ack.consumer}`;
}

/** Nobody waits for it any more: another worker may have it. */
function giveBack(message: Msg): void {
  if (readAckSubject(message.reply ?? "") !== undefined) {
    message.respond("-NAK");
  }
}
