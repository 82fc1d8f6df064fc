/** The calls of one function, or the callbacks to one host, as they wait in one place. */
import { toConsumerName } from "../../contract/queue/index.ts";
import { AdaptiveLimit } from "./adaptive-limit.ts";

/** Runs that are shorter on average, milliseconds, let the lane take messages in advance. */
const SHORT_MS = 100;

/** Most of those: they wait here, and not where another worker could take them. */
const MAX_AHEAD = 10;

/** Weight of the last run in the average. */
const WEIGHT = 0.1;

export class Lane {
  /** Its subject in the stream. */
  readonly subject: string;
  readonly consumer: string;
  readonly limit: AdaptiveLimit;
  /** Messages that are here, or asked for. */
  inFlight = 0;
  /** Those of them that are worked on. */
  running = 0;
  /** Requests for a message that have no answer yet. */
  pulling = 0;
  /** Whether the consumer is known to be there. */
  hasConsumer = false;
  /** When its consumer was made, Unix milliseconds: what is older may have had another one. */
  madeAt = Infinity;
  /** When it was looked whether its consumer is of use, as `performance.now` has it. */
  sweptAt = 0;
  /** Whether something may wait. */
  isHungry = false;
  /** Most requests at once: one that finds something shows that there may be more. */
  #credit = 1;
  /** Counts the hints, so that one that comes while a request is on its way is not overlooked. */
  #hints = 0;
  #averageMs = Infinity;
  /** Messages that are here before their turn. */
  readonly #waiting: (() => void)[] = [];

  constructor(subject: string, share: number) {
    this.subject = subject;
    this.consumer = toConsumerName(subject);
    this.limit = new AdaptiveLimit(share);
  }

  /** Whether one more message is to be asked for. */
  get isReady(): boolean {
    return this.#hasRoom(this.limit.current);
  }

  /** The same of one that is to wait for its turn here: asking for it takes as long as its run. */
  get isReadyAhead(): boolean {
    const { current } = this.limit;
    const ahead = this.#averageMs < SHORT_MS ? Math.min(current, MAX_AHEAD) : 0;
    return this.#hasRoom(current + ahead);
  }

  #hasRoom(most: number): boolean {
    return this.isHungry && this.inFlight < most && this.pulling < this.#credit;
  }

  /** Resolves when it is a message's turn, after those that came before. */
  async begin(): Promise<void> {
    if (this.running < this.limit.current) {
      this.running += 1;
    } else {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** One has been worked on. @param tookMs undefined: it says nothing of others */
  end(tookMs?: number): void {
    this.running -= 1;
    if (tookMs !== undefined) {
      const known = this.#averageMs === Infinity ? tookMs : this.#averageMs;
      this.#averageMs = known + (tookMs - known) * WEIGHT;
    }
    while (this.#waiting.length > 0 && this.running < this.limit.current) {
      this.#next();
    }
  }

  /** Has nothing wait any more: the worker ends. */
  release(): void {
    while (this.#waiting.length > 0) {
      this.#next();
    }
  }

  #next(): void {
    this.running += 1;
    this.#waiting.shift()?.();
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
