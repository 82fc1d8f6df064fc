/** Health of a service: always live, and ready while all of its checks pass. */

/** Returns undefined when the check passes, else a short reason. */
export type ReadinessCheck = () => string | undefined;

export class Health {
  readonly #checks = new Map<string, ReadinessCheck>();
  #isStopping = false;

  /** Adds a named check; the service is ready only while it returns undefined. */
  addCheck(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** The service reports not ready from now on, so that it gets no new work. */
  beginShutdown(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** Reasons why the service is not ready, one line each; empty when it is ready. */
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
