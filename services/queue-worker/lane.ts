/** The calls of one function, or the callbacks to one host, as they wait in one place. */
import { toConsumerName } from "../../contract/queue/index.ts";
import { AdaptiveLimit } from "./adaptive-limit.ts";

export class Lane {
  /** Its subject in the stream. */
  readonly subject: string;
  readonly consumer: string;
  readonly limit: AdaptiveLimit;
  /** Messages that are worked on, or asked for. */
  inFlight = 0;
  /** Requests for a message that have no answer yet. */
  pulling = 0;
  /** Whether the consumer is known to be there. */
  hasConsumer = false;
  /** Whether something may wait. */
  isHungry = false;
  /** Most requests at once: one that finds something shows that there may be more. */
  #credit = 1;
  /** Counts the hints, so that one that comes while a request is on its way is not overlooked. */
  #hints = 0;

  constructor(subject: string, share: number) {
    this.subject = subject;
    this.consumer = toConsumerName(subject);
    this.limit = new AdaptiveLimit(share);
  }

  /** Whether one more message is to be asked for. */
  get isReady(): boolean {
    const hasRoom = this.inFlight < this.limit.current && this.pulling < this.#credit;
    return this.isHungry && hasRoom;
  }

  get hints(): number {
    return this.#hints;
  }

  /** Something may wait here. */
  hint(): void {
    this.#hints += 1;
    this.isHungry = true;
  }

  found(): void {
    this.#credit = Math.min(this.limit.current, this.#credit + 1);
  }

  /** @param hints their number when it was asked */
  foundNothing(hints: number): void {
    this.#credit = 1;
    this.isHungry = this.#hints !== hints;
  }
}
