/** Numbers that are asked for now and then, beside the decisions, which never wait for them. */

export interface PolledOptions<T> {
  read: (key: string) => Promise<T>;
  /** Of a clock that never goes back, milliseconds. */
  now: () => number;
  /** Told when an answer does not come though the one before did. */
  onFailure: (key: string, error: unknown) => void;
}

/** How often each is asked for, milliseconds. */
const INTERVAL_MS = 15_000;

/** How long an answer is good for where later ones do not come, milliseconds. */
const STALE_MS = 40_000;

/** Questions at the same time. */
const MOST_ASKED = 8;

interface Entry<T> {
  value: T | undefined;
  valueAt: number;
  askedAt: number;
  isAsked: boolean;
  hasFailed: boolean;
  /** Whether it was of interest since the last sweep. */
  isUsed: boolean;
}

export class Polled<T> {
  readonly #options: PolledOptions<T>;
  readonly #entries = new Map<string, Entry<T>>();
  /** Keys that are to be asked for, those that wait longest first. */
  readonly #due = new Set<string>();
  #asked = 0;

  constructor(options: PolledOptions<T>) {
    this.#options = options;
  }

  /** The last answer; undefined: there is no recent one. Asks for another where it is due. */
  get(key: string): T | undefined {
    const now = this.#options.now();
    const entry = this.#entries.get(key) ?? createEntry<T>();
    this.#entries.set(key, entry);
    entry.isUsed = true;
    if (now - entry.askedAt >= INTERVAL_MS && !entry.isAsked) {
      this.#due.add(key);
      this.#pump();
    }
    return now - entry.valueAt <= STALE_MS ? entry.value : undefined;
  }

  /** Forgets what nobody has asked for since this was called last. */
  sweep(): void {
    for (const [key, entry] of this.#entries) {
      if (!entry.isUsed) {
        this.#entries.delete(key);
        this.#due.delete(key);
      }
      entry.isUsed = false;
    }
  }

  #pump(): void {
    for (const key of this.#due) {
      if (this.#asked >= MOST_ASKED) {
        return;
      }
      this.#due.delete(key);
      const entry = this.#entries.get(key);
      if (entry !== undefined) {
        void this.#ask(key, entry);
      }
    }
  }

  async #ask(key: string, entry: Entry<T>): Promise<void> {
    const { read, now, onFailure } = this.#options;
    Object.assign(entry, { isAsked: true, askedAt: now() });
    this.#asked += 1;
    try {
      const value = await read(key);
      Object.assign(entry, { value, valueAt: now(), hasFailed: false });
    } catch (error) {
      if (!entry.hasFailed) {
        onFailure(key, error);
      }
      entry.hasFailed = true;
    } finally {
      this.#asked -= 1;
      entry.isAsked = false;
      this.#pump();
    }
  }
}

function createEntry<T>(): Entry<T> {
  const never = -Infinity;
  const times = { valueAt: never, askedAt: never };
  return { value: undefined, ...times, isAsked: false, hasFailed: false, isUsed: true };
}
