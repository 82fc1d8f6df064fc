/** One coarse clock for the time limits of all calls in flight: cheaper than timers for each. */

/** What has limits; it asks to be looked at as long as it is added. */
export interface Timed {
  /** Where the clock keeps it; the clock's own business. */
  clockIndex: number;
  /** Looks whether a limit is over. @param now - the clock's time, milliseconds */
  checkTime(now: number): void;
  /** Ends what has limits, as that look has failed by a fault of ours. Must not throw. */
  fault(error: unknown): void;
}

/** How often calls are looked at, and so how exact their limits are, milliseconds. */
const TICK_MS = 100;

/** `clockIndex` of what is not kept. */
export const NOT_TIMED = -1;

export class CallClock {
  /** Milliseconds of `performance.now()`, exact to a tick while there is something to look at. */
  now = performance.now();
  /**
   * A plain list, in no order. A Set that changes with each call is written anew again and again,
   * and its former tables, once they are old, keep all later calls from V8's quick collections.
   */
  readonly #timed: Timed[] = [];
  #timer: NodeJS.Timeout | undefined;
  add(timed: Timed): void {
    timed.clockIndex = this.#timed.push(timed) - 1;
    if (this.#timer === undefined) {
      this.now = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
  }

  delete(timed: Timed): void {
    const index = timed.clockIndex;
    if (index === NOT_TIMED) {
      return;
    }
    timed.clockIndex = NOT_TIMED;
    const last = this.#timed.pop();
    if (last !== undefined && last !== timed) {
      this.#timed[index] = last;
      last.clockIndex = index;
    }
  }

  #tick(): void {
    this.now = performance.now();
    // A call that ends meanwhile makes place for the last one, which has been looked at already.
    for (let index = this.#timed.length - 1; index >= 0; index--) {
      const timed = this.#timed[index];
      if (timed !== undefined) {
        this.#check(timed);
      }
    }
    if (this.#timed.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** A fault of one call must not end the process with all others. */
  #check(timed: Timed): void {
    try {
      timed.checkTime(this.now);
    } catch (error) {
      this.delete(timed);
      timed.fault(error);
    }
  }
}
