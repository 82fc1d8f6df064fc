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

/** Whether a floor is in force, and until when that stays so. */
export interface FloorState {
  isInForce: boolean;
  /** Unix milliseconds. */
  until: number;
}

/**
 * A floor is in force when its end is the next of both that comes: so it needs no memory. A time
 * that the clock skips in spring is the one after the gap, and one that it shows twice in autumn
 * is the first.
 *
 * @param now Unix milliseconds
 */
export function stateOfFloor({ start, end, timeZone }: ScaleFloor, now: number): FloorState {
  const [begins, ends] = [start, end].map((expression) => {
    const next = toCron(expression, timeZone ?? TIME_ZONE)?.nextRun(new Date(now));
    return next?.getTime() ?? Infinity;
  }) as [number, number];
  return { isInForce: ends < begins, until: Math.min(begins, ends) };
}

function toCron(expression: string, timezone: string): Cron | undefined {
  try {
    return new Cron(expression, { mode: "5-part", timezone, paused: true });
  } catch {
    return undefined;
  }
}
