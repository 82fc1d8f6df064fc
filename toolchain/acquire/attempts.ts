/**
 * Decides when to retry and when to give up: growing pauses, the server's `Retry-After`, a limit.
 * undici's retry handler cannot replace it: it does not distinguish a network that refuses from a
 * busy server, and it resumes a body in memory, where ours resumes a file, also across processes.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** The first pause and the longest one, milliseconds; each is twice the one before. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/** A host that has refused for this long counts as blocked, milliseconds. */
export const REFUSED_AFTER = 3000;
/** A server that has failed for this long is given up, milliseconds. */
export const GIVEN_UP_AFTER = 120_000;

/** The time, which tests replace. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Rejects when it is aborted. */
  pause(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  pause: (milliseconds, signal) =>
    sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/** Counts consecutive failures of one operation. */
export class Attempts {
  readonly #clock: Clock;
  #failures = 0;
  #firstFailure = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long it has been failing, milliseconds. */
  get elapsed(): number {
    return this.#failures === 0 ? 0 : this.#clock.now() - this.#firstFailure;
  }

  /** Call it after progress: the next failure counts as the first. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Counts a failure.
   * @param limit give up after failing for this long, milliseconds
   * @param wanted the pause that the server asks for, milliseconds
   * @returns the pause before the next attempt, milliseconds; undefined to give up.
   */
  fail(limit: number, wanted = 0): number | undefined {
    if (this.#failures === 0) {
      this.#firstFailure = this.#clock.now();
    }
    const left = limit - this.elapsed;
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures, LONGEST_PAUSE, left);
    this.#failures += 1;
    return left <= 0 || wanted > left ? undefined : Math.max(pause, wanted);
  }
}

/** Milliseconds of a `Retry-After` header, which has seconds or a date (RFC 9110, 10.2.3). */
export function toRetryAfter(header: unknown, now = Date.now()): number {
  if (typeof header !== "string") {
    return 0;
  }
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(seconds) ? 0 : Math.max(seconds, 0);
}
