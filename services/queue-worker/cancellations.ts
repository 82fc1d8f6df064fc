/** Ends runs of calls that somebody has cancelled. */
import type { NatsConnection } from "@nats-io/transport-node";
import { SUBJECT } from "../../contract/queue/index.ts";

export class Cancellations {
  readonly #running = new Map<string, AbortController>();

  /** Begins to hear what is cancelled. */
  listen(connection: NatsConnection): void {
    connection.subscribe(`${SUBJECT.cancel}.*`, {
      callback: (error, message) => {
        if (error === null) {
          this.#running.get(message.subject.slice(SUBJECT.cancel.length + 1))?.abort();
        }
      },
    });
  }

  /** A run begins; its signal says when it is to end. */
  begin(id: string): AbortController {
    const controller = new AbortController();
    this.#running.set(id, controller);
    return controller;
  }

  end(id: string): void {
    this.#running.delete(id);
  }
}
