/**
 * When something that failed is tried again, and when it is given up: pauses that grow, the
 * server's own `Retry-After`, and a limit. undici's retry handler has no place here: it cannot tell
 * a network that refuses from a server that is busy, and goes on in the middle of a body in memory,
 * where ours goes on from a file, also in the next process.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** The first pause and the longest one, milliseconds; each is twice the one before. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

/** How long a host has to refuse before it counts as refusing, milliseconds. */
export const REFUSED_AFTER = 3000;
/** How long a server that is there may be out of order, milliseconds. */
export const GIVEN_UP_AFTER = 120_000;

/** Time, for which tests put another. */
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

/** The failures in a row of one thing that is tried. */
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

  /** There was progress: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }

  /**
   * Counts a failure.
   * @param limit how long there may be failures, milliseconds
   * @param wanted the pause that the server asks for, milliseconds
   * @returns the pause before the next attempt, milliseconds; nothing when it is to be given up.
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

/** What a `Retry-After` header asks for, seconds or a date (RFC 9110, 10.2.3), in milliseconds. */
export function toRetryAfter(header: unknown, now = Date.now()): number {
  if (typeof header !== "string") {
    return 0;
  }
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(seconds) ? 0 : Math.max(seconds, 0);
}
