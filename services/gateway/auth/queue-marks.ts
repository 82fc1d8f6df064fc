/** The marks of this gateway: made by its key of today, read by that and by the one before. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MARK_KEY_FILE, MIN_MARK_KEY_BYTES } from "../../../contract/environment/index.ts";
import { ConfigError } from "../../lib/config.ts";
import { type Logger, messageOf } from "../../lib/logger.ts";
import {
  makeMark,
  type MarkedCall,
  type MarkKey,
  type MarkReading,
  readMark,
  toMarkKey,
} from "./queue-mark.ts";

/** How old what is in memory may be, milliseconds: mounted secrets change in place. */
const MAX_AGE_MS = 1000;

export class QueueMarks {
  readonly #folder: string | undefined;
  readonly #logger: Logger;
  #keys: readonly MarkKey[] = [];
  #readAt = performance.now();
  #hasWarned = false;

  /**
   * Throws a ConfigError that names the file when there is no key in the folder.
   *
   * @param folder undefined: there are no keys, and so no marks
   */
  constructor(folder: string | undefined, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
    if (folder !== undefined) {
      this.#keys = readKeys(folder);
    }
  }

  /** Whether there is a key to make marks with. */
  get canMark(): boolean {
    return this.#folder !== undefined;
  }

  /** The mark of a call that is accepted; undefined without a key. */
  make(call: MarkedCall, bodyDigest: string): string | undefined {
    const [key] = this.#current();
    return key && makeMark(key, call, { bodyDigest });
  }

  /** What a mark is worth for a call. */
  read(call: MarkedCall, mark: string): MarkReading {
    return readMark(this.#current(), call, { mark });
  }

  /** The mark of a call that is accepted again, whatever its age; undefined: it has none. */
  renew(mark: string, before: MarkedCall, after: MarkedCall): string | undefined {
    // At the beginning of time no mark is too old.
    const reading = readMark(this.#current(), before, { mark, now: 0 });
    return reading.kind === "ours" ? this.make(after, reading.bodyDigest) : undefined;
  }

  #current(): readonly MarkKey[] {
    const now = performance.now();
    if (this.#folder !== undefined && now - this.#readAt >= MAX_AGE_MS) {
      this.#readAt = now;
      this.#refresh(this.#folder);
    }
    return this.#keys;
  }

  #refresh(folder: string): void {
    try {
      this.#keys = readKeys(folder);
      this.#hasWarned = false;
    } catch (error) {
      if (!this.#hasWarned) {
        this.#logger.warn({ reason: messageOf(error) }, "keys of marks not readable, keeping them");
      }
      this.#hasWarned = true;
    }
  }
}

/** The key of today, and the one before where there is one. */
function readKeys(folder: string): MarkKey[] {
  const current = readKey(join(folder, MARK_KEY_FILE.current));
  if (current === undefined) {
    const expected = `a file ${MARK_KEY_FILE.current} in the folder`;
    throw new ConfigError(`queue_secret_path: expected ${expected}, got none`);
  }
  const previous = readKey(join(folder, MARK_KEY_FILE.previous));
  return previous === undefined ? [current] : [current, previous];
}

/** Without the line end that editors write; undefined where there is no file. */
function readKey(path: string): MarkKey | undefined {
  let text: string;
  try {
    text = readFileSync(path, "latin1").replace(/\r?\n$/, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw new ConfigError(`queue_secret_path: ${(error as Error).message}`);
  }
  if (text.length < MIN_MARK_KEY_BYTES) {
    const expected = `a file with at least ${MIN_MARK_KEY_BYTES} bytes`;
    throw new ConfigError(`queue_secret_path: expected ${expected}, got ${text.length}`);
  }
  return toMarkKey(Buffer.from(text, "latin1"));
}
