/** What was decided of functions last, for those who show it. */
import { EventEmitter } from "node:events";

/** What the status says of a function's scaling. */
export interface ScaleNews {
  /** The last decision that changed something, and its reason; undefined: none is known. */
  last?: string;
  /** Loads that have been unknown for a while, so that there will be no fewer replicas. */
  unknown?: string;
}

export interface ScaleDecisionEvents {
  /** The news of a function, `namespace/name`, are others. */
  change: [key: string];
}

export class ScaleDecisions extends EventEmitter<ScaleDecisionEvents> {
  readonly #news = new Map<string, ScaleNews>();

  of(key: string): ScaleNews | undefined {
    return this.#news.get(key);
  }

  /** Something was changed. */
  decided(key: string, last: string): void {
    this.#news.set(key, { ...this.#news.get(key), last });
    this.emit("change", key);
  }

  /** @param unknown undefined: all loads are known */
  setUnknown(key: string, unknown: string | undefined): void {
    const { unknown: before, ...others } = this.#news.get(key) ?? {};
    if (before !== unknown) {
      this.#news.set(key, unknown === undefined ? others : { ...others, unknown });
      this.emit("change", key);
    }
  }

  /** Forgets all: others may have decided since. */
  clear(): void {
    for (const key of this.#news.keys()) {
      this.forget(key);
    }
  }

  forget(key: string): void {
    if (this.#news.delete(key)) {
      this.emit("change", key);
    }
  }
}
