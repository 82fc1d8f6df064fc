/** One coarse clock for the time limits of all calls in flight: cheaper than timers for each. */

/** What has limits; it asks to be looked at as long as it is added. */
export interface Timed {
  /** Looks whether a limit is over. @param now - the clock's time, milliseconds */
  checkTime(now: number): void;
}

/** How often calls are looked at, and so how exact their limits are, milliseconds. */
const TICK_MS = 100;

export class CallClock {
  /** Milliseconds of `performance.now()`, exact to a tick while there is something to look at. */
  now = performance.now();
  readonly #timed = new Set<Timed>();
  #timer: NodeJS.Timeout | undefined;

  add(timed: Timed): void {
    this.#timed.add(timed);
    if (this.#timer === undefined) {
      this.now = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
  }

  delete(timed: Timed): void {
    this.#timed.delete(timed);
  }

  #tick(): void {
    this.now = performance.now();
    for (const timed of this.#timed) {
      timed.checkTime(this.now);
    }
    if (this.#timed.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }
}
