/**
 * Remembers what was taken back of objects, so that two that write the same object do not do so as
 * fast as they can: each time new pods would start.
 */

/** What comes back within this time was written by something that will do it again. */
const BACK_WITHIN_MS = 600_000;

/** So many times within it, whatever it is. */
const MOST_TIMES = 5;

/** How long additions that came back are left. */
const LEFT_MS = 3_600_000;

/** Nothing that comes back is taken back sooner. */
const PAUSE_MS = 10_000;

interface Repair {
  fields: readonly string[];
  at: number;
  times: number;
  /** Until when additions are left, once they have come back. */
  leftUntil?: number | undefined;
  pausedUntil?: number | undefined;
}

export class Repairs {
  /** By key of the object. */
  readonly #repairs = new Map<string, Repair>();

  /** What to do about additions; `tell` that they are left from now on. */
  judge(key: string, fields: readonly string[]): "takeBack" | "tell" | "leave" {
    const repair = this.#repairs.get(key);
    if (repair === undefined || (!isOld(repair, fields) && repair.times < MOST_TIMES)) {
      return "takeBack";
    }
    if (repair.leftUntil !== undefined) {
      return "leave";
    }
    const now = performance.now();
    if (now - repair.at >= BACK_WITHIN_MS) {
      return "takeBack";
    }
    repair.leftUntil = now + LEFT_MS;
    return "tell";
  }

  /** Whether fields are back so soon that they stay for some seconds. */
  mustWait(key: string, fields: readonly string[]): boolean {
    const repair = this.#repairs.get(key);
    if (repair === undefined || fields.length === 0 || !isOld(repair, fields)) {
      return false;
    }
    const end = repair.at + PAUSE_MS;
    const isEarly = performance.now() < end;
    repair.pausedUntil = isEarly ? end : undefined;
    return isEarly;
  }

  /** Notes that fields were taken back. Returns whether that is news. */
  note(key: string, fields: readonly string[]): boolean {
    const now = performance.now();
    const last = this.#repairs.get(key);
    if (last === undefined || now - last.at >= BACK_WITHIN_MS) {
      this.#repairs.set(key, { fields, at: now, times: 1, leftUntil: last?.leftUntil });
      return true;
    }
    this.#repairs.set(key, {
      fields: [...new Set([...last.fields, ...fields])],
      at: now,
      times: last.times + 1,
      leftUntil: last.leftUntil,
    });
    return !isOld(last, fields);
  }

  forget(key: string): void {
    this.#repairs.delete(key);
  }

  /** After how long an object is to be looked at again; undefined where nothing waits. */
  waitMs(key: string): number | undefined {
    const { leftUntil, pausedUntil } = this.#repairs.get(key) ?? {};
    const next = Math.min(leftUntil ?? Infinity, pausedUntil ?? Infinity);
    return next === Infinity ? undefined : Math.max(0, next - performance.now());
  }

  /** Ends the waits that are over; returns whether there was one. */
  endWait(key: string): boolean {
    const repair = this.#repairs.get(key);
    if (repair === undefined || this.waitMs(key) !== 0) {
      return false;
    }
    if (repair.leftUntil !== undefined && repair.leftUntil <= performance.now()) {
      // As if it had never been: it is taken back once more.
      this.forget(key);
    }
    repair.pausedUntil = undefined;
    return true;
  }
}

function isOld(repair: Repair, fields: readonly string[]): boolean {
  return fields.every((field) => repair.fields.includes(field));
}
