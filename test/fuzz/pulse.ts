/** One question at a time for many who ask whether a process has come round since. */
import { setTimeout as sleep } from "node:timers/promises";

/** So long questions are collected. */
const COLLECT_MS = 20;

export class Pulse {
  readonly #ask: () => Promise<unknown>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param ask asks the process something; does not reject */
  constructor(ask: () => Promise<unknown>) {
    this.#ask = ask;
  }

  /** Resolves when the process has answered something that it was asked after this call. */
  beat(): Promise<void> {
    this.#next ??= this.#running.then(() => this.#run());
    return this.#next;
  }

  async #run(): Promise<void> {
    await sleep(COLLECT_MS);
    this.#running = this.#next ?? this.#running;
    this.#next = undefined;
    await this.#ask();
  }
}
