/** What is done with, until the queue knows it: an acknowledgement can be lost on its way. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Delivery } from "./delivery.ts";

/** Wait before the queue is told again, milliseconds. */
const RETRY_MS = 1000;

/** The queue, as far as it says whether it can be told something. */
export interface Hearer {
  /** What is said while it is not connected might be heard by another one. */
  isConnected: () => boolean;
  /** Whether a message is still at its place; rejects where nobody can say. */
  isThere: (delivery: Delivery) => Promise<boolean>;
}

export class Confirmations {
  readonly #hearer: Hearer;
  readonly #open = new Map<string, Promise<void>>();
  readonly #aborted = new AbortController();
  #resetAt = 0;

  constructor(hearer: Hearer) {
    this.#hearer = hearer;
  }

  /** Messages that are done with and of which the queue may not know. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether a message that was given again is done with, and only its acknowledgement was lost. */
  has({ key }: Delivery): boolean {
    return this.#open.has(key);
  }

  /** Tells the queue until it knows, in the background. */
  add(delivery: Delivery): void {
    const { key } = delivery;
    const work = this.#confirm(delivery).finally(() => this.#open.delete(key));
    this.#open.set(key, work);
  }

  /**
   * After a connection was lost: NATS may have lost its streams, in whose place are others, with
   * other messages at the same places. What is said of a message that came before is said only
   * where that is still there.
   */
  reset(): void {
    this.#resetAt = performance.now();
  }

  /** Whether what is said of it may be heard as of another message, or of none. */
  async isGone(delivery: Delivery): Promise<boolean> {
    if (!this.#hearer.isConnected()) {
      throw new Error("queue: not connected");
    }
    return delivery.takenAt < this.#resetAt && !(await this.#hearer.isThere(delivery));
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
        if (!(await this.isGone(delivery))) {
          await delivery.confirm();
        }
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}
