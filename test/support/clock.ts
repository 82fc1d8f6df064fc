/** Clocks that tests move on in place of waiting. */
import { jest } from "@jest/globals";

const dateNow = Date.now.bind(Date);
const performanceNow = performance.now.bind(performance);
let ahead = 0;

/** Moves the time of day and the process' own on, not its timers; for the rest of the file. */
export function moveClock(milliseconds: number): void {
  ahead += milliseconds;
  jest.spyOn(Date, "now").mockImplementation(() => dateNow() + ahead);
  jest.spyOn(performance, "now").mockImplementation(() => performanceNow() + ahead);
}
