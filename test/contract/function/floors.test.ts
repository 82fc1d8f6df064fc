/** When floors of a scale are in force. */
import { describe, expect, it } from "@jest/globals";
import { stateOfFloor } from "../../../contract/index.ts";

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
  ])("%s", (_, floor, now, isInForce, until) => {
    expect(stateOfFloor(floor, at(now))).toEqual({ isInForce, until: at(until) });
  });
});
