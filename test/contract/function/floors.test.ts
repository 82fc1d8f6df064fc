/** When floors of a scale are in force. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { stateOfFloor } from "../../../contract/index.ts";
import { runs } from "../../support/property-runs.ts";

const at = (text: string): number => Date.parse(text);

describe("a floor", () => {
  const night = { start: "0 22 * * *", end: "0 6 * * *", timeZone: "Europe/Berlin", min: 5 };
  const work = { start: "0 7 * * 1-5", end: "0 19 * * 1-5", min: 5 };
  const skipped = { ...night, start: "30 2 * * *", end: "0 12 * * *" };
  const newYork = { ...night, timeZone: "America/New_York" };

  it.each([
    ["before midnight", night, "2027-01-10T22:00:00Z", true, "2027-01-11T05:00:00Z"],
    ["by day", night, "2027-01-10T12:00:00Z", false, "2027-01-10T21:00:00Z"],
    ["as it begins", night, "2027-01-10T21:00:00Z", true, "2027-01-11T05:00:00Z"],
    ["as it ends", night, "2027-01-11T05:00:00Z", false, "2027-01-11T21:00:00Z"],
    ["over the change in spring", night, "2027-03-27T22:00:00Z", true, "2027-03-28T04:00:00Z"],
    ["over the change in autumn", night, "2027-10-30T21:00:00Z", true, "2027-10-31T05:00:00Z"],
    [
      "before a time that is skipped",
      skipped,
      "2027-03-28T00:59:00Z",
      false,
      "2027-03-28T01:00:00Z",
    ],
    ["at a time that comes twice", skipped, "2027-10-31T00:29:00Z", false, "2027-10-31T00:30:00Z"],
    ["when it comes again", skipped, "2027-10-31T01:29:00Z", true, "2027-10-31T11:00:00Z"],
    ["in New York's spring", newYork, "2027-03-14T04:00:00Z", true, "2027-03-14T10:00:00Z"],
    ["in New York's autumn", newYork, "2027-11-07T03:00:00Z", true, "2027-11-07T11:00:00Z"],
    ["on a weekday, in UTC", work, "2027-01-08T12:00:00Z", true, "2027-01-08T19:00:00Z"],
    ["on Saturday", work, "2027-01-09T12:00:00Z", false, "2027-01-11T07:00:00Z"],
  ])("%s", (_, ...[floor, now, isInForce, until]) => {
    expect(stateOfFloor(floor, at(now))).toEqual({ isInForce, until: at(until) });
  });
});

/** The next minute at which one of some whole hours begins, found one after the other. */
function searchNext(hours: readonly number[], timeZone: string, now: number): number {
  const format = new Intl.DateTimeFormat("en", {
    ...{ timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  });
  const wanted = hours.map((hour) => `${String(hour).padStart(2, "0")}:00`);
  const minute = 60_000;
  for (let time = (Math.floor(now / minute) + 1) * minute; ; time += minute) {
    if (wanted.includes(format.format(time))) {
      return time;
    }
  }
}

it("is in force as one who looks at the clock each minute would say, whenever it is", () => {
  // Hours that come once each day, in these zones, too.
  const hour = fc.constantFrom(0, 5, 9, 12, 18, 22);
  const hours = fc.uniqueArray(hour, { minLength: 1, maxLength: 3 });
  const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata");
  const begin = at("2027-01-01T00:00:00Z");
  const now = fc.integer({ min: 0, max: 400 * 24 * 60 }).map((minutes) => begin + minutes * 60_000);
  fc.assert(
    fc.property(fc.tuple(hours, hours), zone, now, ([starts, ends], timeZone, time) => {
      const toCron = (list: readonly number[]): string => `0 ${list.join(",")} * * *`;
      const floor = { start: toCron(starts), end: toCron(ends), timeZone, min: 1 };
      const [start, end] = [starts, ends].map((list) => searchNext(list, timeZone, time)) as [
        number,
        number,
      ];
      const expected = { isInForce: end < start, until: Math.min(start, end) };
      expect(stateOfFloor(floor, time)).toEqual(expected);
    }),
    { numRuns: runs(40) },
  );
});
