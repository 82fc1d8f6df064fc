/** Ends runs of calls that somebody has cancelled. */
import type { NatsConnection } from "@nats-io/transport-node";
import { LRUCache } from "lru-cache";
import { SUBJECT } from "../../contract/queue/index.ts";

/** Calls that are remembered as cancelled: their messages may be on their way, or here already. */
const MAX_CANCELLED = 10_000;

export class Cancellations {
  readonly #running = new Map<string, AbortController>();
  readonly #cancelled = new LRUCache<string, true>({ max: MAX_CANCELLED });

  /** Begins to hear what is cancelled. */
  listen(connection: NatsConnection): void {
    connection.subscribe(`${SUBJECT.cancel}.*`, {
      callback: (error, message) => {
        if (error === null) {
          const id = message.subject.slice(SUBJECT.cancel.length + 1);
          this.#cancelled.set(id, true);
          this.#running.get(id)?.abort();
        }
      },
    });
  }

  /** A run begins; its signal says when it is to end, or, aborted already, that it is not to be. */
  begin(id: string): AbortController {
    const controller = new AbortController();
    if (this.#cancelled.has(id)) {
      controller.abort();
    } else {
      this.#running.set(id, controller);
    }
    return controller;
  }

  end(id: string): void {
    this.#running.delete(id);
  }
}
