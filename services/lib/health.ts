/** What a service says about itself: alive always, ready only while all of its checks pass. */

/** Returns undefined when all is well, or a few words on what is not. */
export type ReadinessCheck = () => string | undefined;

export class Health {
  readonly #checks = new Map<string, ReadinessCheck>();
  #isStopping = false;

  /** Adds a named check; the service is ready only while it returns undefined. */
  addCheck(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** From now on the service says that it is not ready, so that nobody sends it more work. */
  beginShutdown(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** What keeps the service from being ready, one line each; empty when it is ready. */
  problems(): string[] {
    const found = this.#isStopping ? ["shutdown: in progress"] : [];
    for (const [name, check] of this.#checks) {
      const problem = check();
      if (problem !== undefined) {
        found.push(`${name}: ${problem}`);
      }
    }
    return found;
  }
}
