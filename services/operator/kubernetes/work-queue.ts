/**
 * A queue of keys with the semantics of client-go's: a key that is added several times waits once,
 * is handled by one call at a time, and is retried after a growing wait when that fails.
 */
import { backoffMs, type BackoffOptions } from "../../lib/backoff.ts";
import type { ReconcileResult } from "./controller.ts";

export interface WorkQueueOptions {
  /** Works on a key. */
  handler: (key: string) => Promise<ReconcileResult>;
  /** Keys that are handled at the same time. @default 4 */
  concurrency?: number;
  backoff?: BackoffOptions;
  /** Called after each run, with its duration and what it threw, if anything. */
  onRun?: (run: { key: string; seconds: number; error?: unknown }) => void;
}

const RETRY_BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 60_000 };

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Keys that wait, in the order in which they were added. */
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();
  /** Keys that were added while they were handled. */
  readonly #again = new Set<string>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #failures = new Map<string, number>();
  #isOpen = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait, without those that wait for a timer. */
  get depth(): number {
    return this.#waiting.size + this.#again.size;
  }

  /** Starts or resumes work. */
  open(): void {
    this.#isOpen = true;
    this.#pump();
  }

  /** Starts no more work; resolves when what is running has ended. Keys may still be added. */
  async close(): Promise<void> {
    this.#isOpen = false;
    if (this.#running.size > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  /** Drops all keys and timers, e.g. because another instance took over. */
  clear(): void {
    for (const timer of this.#timers.values()) {
      clearTimeout(timer);
    }
    this.#timers.clear();
    this.#failures.clear();
    this.#waiting.clear();
    this.#again.clear();
  }

  /** Adds a key, to be handled as soon as possible. */
  add(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    if (this.#running.has(key)) {
      this.#again.add(key);
    } else {
      this.#waiting.add(key);
      this.#pump();
    }
  }

  /** Adds a key after a wait, unless it is added before. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#waiting.has(key) || this.#again.has(key)) {
      return;
    }
    clearTimeout(this.#timers.get(key));
    const timer = setTimeout(() => this.add(key), milliseconds);
    timer.unref();
    this.#timers.set(key, timer);
  }

  #pump(): void {
    const { concurrency = 4 } = this.#options;
    for (const key of this.#waiting) {
      if (!this.#isOpen || this.#running.size >= concurrency) {
        return;
      }
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    const startedAt = performance.now();
    const seconds = (): number => (performance.now() - startedAt) / 1000;
    let wait: number | undefined;
    try {
      ({ requeueAfterMs: wait } = await this.#options.handler(key));
      this.#failures.delete(key);
      this.#options.onRun?.({ key, seconds: seconds() });
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      wait = backoffMs(failures, { ...RETRY_BACKOFF, ...this.#options.backoff });
      this.#options.onRun?.({ key, seconds: seconds(), error });
    }
    this.#finish(key, wait);
  }

  #finish(key: string, wait: number | undefined): void {
    this.#running.delete(key);
    if (this.#again.delete(key)) {
      this.add(key);
    } else if (wait !== undefined) {
      this.addAfter(key, wait);
    }
    this.#pump();
    if (this.#running.size === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }
}
