/** Clocks that tests move on in place of waiting. */
import { jest } from "@jest/globals";

const dateNow = Date.now.bind(Date);
const performanceNow = performance.now.bind(performance);
let ahead = 0;

/** What Jest fakes, of that which Node has. */
const FAKED = [
  "Date",
  "hrtime",
  "nextTick",
  "performance",
  "queueMicrotask",
  "setImmediate",
  "clearImmediate",
  "setInterval",
  "clearInterval",
  "setTimeout",
  "clearTimeout",
] as const;

/** Has a test say when timers of these kinds are over; all else stays as it is. */
export function fakeOnly(...faked: (typeof FAKED)[number][]): void {
  jest.useFakeTimers({ doNotFake: FAKED.filter((name) => !faked.includes(name)) });
}

/**
 * Holds the process' own clock, not its timers, until what it gives is called: within limits that
 * go by it nothing is late.
 */
export function holdClock(): () => void {
  const held = jest.spyOn(performance, "now").mockReturnValue(performance.now());
  return () => held.mockRestore();
}

/** Moves the time of day and the process' own on, not its timers; for the rest of the file. */
export function moveClock(milliseconds: number): void {
  ahead += milliseconds;
  jest.spyOn(Date, "now").mockImplementation(() => dateNow() + ahead);
  jest.spyOn(performance, "now").mockImplementation(() => performanceNow() + ahead);
}
