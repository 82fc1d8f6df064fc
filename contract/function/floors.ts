/** Floors of a scale: the times at which they begin and end, by cron expressions. */
import { Cron } from "croner";
import type { ScaleFloor } from "./scale-spec.ts";

/** Where a floor names none. */
const TIME_ZONE = "UTC";

/** What is wrong with an expression; undefined: nothing is. */
export function findCronMistake(expression: string): { expected: string } | undefined {
  const next = toCron(expression, TIME_ZONE)?.nextRun();
  if (next === undefined) {
    return { expected: "a cron expression of five fields" };
  }
  return next === null ? { expected: "a cron expression of a time that comes" } : undefined;
}

/** Whether the IANA's database, as the process has it, has a time zone of that name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Whether two expressions mean the same time, as far as can be told. */
export function isSameTime(one: string, other: string): boolean {
  const now = Date.now();
  return nextOf(one, TIME_ZONE, now) === nextOf(other, TIME_ZONE, now);
}

/** Whether a floor is in force, and until when that stays so. */
export interface FloorState {
  isInForce: boolean;
  /** Unix milliseconds. */
  until: number;
}

/**
 * A floor is in force when its end is the next of both that comes: so it needs no memory. A time
 * that the clock skips in spring is the moment after the gap, and one that it shows twice in autumn
 * is the first.
 *
 * @param now Unix milliseconds
 */
export function stateOfFloor({ start, end, timeZone }: ScaleFloor, now: number): FloorState {
  const [begins, ends] = [start, end].map((expression) =>
    nextOf(expression, timeZone ?? TIME_ZONE, now),
  ) as [number, number];
  return { isInForce: ends < begins, until: Math.min(begins, ends) };
}

/** Unix milliseconds; Infinity: never, also where something is wrong. */
function nextOf(expression: string, timeZone: string, now: number): number {
  try {
    return toCron(expression, timeZone)?.nextRun(new Date(now))?.getTime() ?? Infinity;
  } catch {
    // The process knows no such time zone.
    return Infinity;
  }
}

/** Dates, and names such as `@daily`, are none. */
const FIVE_FIELDS = /^\S+( +\S+){4}$/;

function toCron(expression: string, timezone: string): Cron | undefined {
  if (!FIVE_FIELDS.test(expression)) {
    return undefined;
  }
  try {
    return new Cron(expression, { mode: "5-part", timezone, paused: true });
  } catch {
    return undefined;
  }
}
