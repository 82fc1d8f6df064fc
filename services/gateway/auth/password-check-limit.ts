/** At most a few password checks at a time: each takes a core for a while, and 16 MiB. */

/** Two of the four threads that Node has for such work; files and names need the others. */
const MAX_RUNNING = 2;

/** Checks that wait their turn. */
const MAX_WAITING = 20;

/** There are too many checks already. */
export class BusyError extends Error {
  override name = "BusyError";
}

export class PasswordCheckLimit {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Runs `work` when it is its turn; throws a BusyError when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_RUNNING) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new BusyError("password checks: too many at once");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** Hands the place to who waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#running -= 1;
    } else {
      next();
    }
  }
}
