/** A clock that moves by the pauses alone, and keeps them. */
import type { Clock } from "../../../../toolchain/acquire/attempts.ts";

export class FakeClock implements Clock {
  readonly pauses: number[] = [];
  /** What happens in the next pauses, one each. */
  readonly events: (() => unknown)[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  async pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    this.pauses.push(milliseconds);
    this.#now += milliseconds;
    await this.events.shift()?.();
    signal?.throwIfAborted();
  }
}
