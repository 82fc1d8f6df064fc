/** What is done with, until the queue knows it: an acknowledgement can be lost on its way. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery } from "./delivery.ts";

/** Wait before the queue is told again, milliseconds. */
const RETRY_MS = 1000;

export class Confirmations {
  readonly #open = new Map<string, Promise<void>>();
  readonly #aborted = new AbortController();

  /** Messages that are done with and of which the queue may not know. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether a message that was given again is done with, and only its acknowledgement was lost. */
  has(delivery: Delivery): boolean {
    return this.#open.has(toKey(delivery));
  }

  /** Tells the queue until it knows, in the background. */
  add(delivery: Delivery): void {
    const key = toKey(delivery);
    const work = this.#confirm(delivery).finally(() => this.#open.delete(key));
    this.#open.set(key, work);
  }

  /** Waits for what is open; what is not confirmed in that time, another worker gets. */
  async close(waitMs: number): Promise<void> {
    const timer = setTimeout(() => this.#aborted.abort(), waitMs);
    await Promise.all(this.#open.values());
    clearTimeout(timer);
    // What is done with later was given back: another worker has it.
    this.#aborted.abort();
  }

  async #confirm(delivery: Delivery): Promise<void> {
    const { signal } = this.#aborted;
    while (!signal.aborted) {
      try {
        await delivery.confirm();
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

function toKey({ stream, sequence }: Delivery): string {
  return `${stream} ${sequence}`;
}
