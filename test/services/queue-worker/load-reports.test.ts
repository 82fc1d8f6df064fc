/** What a worker says of itself each second. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { readWorkerLoad } from "../../../contract/queue/index.ts";
import { LoadReports } from "../../../services/queue-worker/load-reports.ts";
import { fakeOnly } from "../../support/clock.ts";

let said: { subject: string; text: string }[];
let calls: { inFlight: number; longestMs: number };
let callbacks: { inFlight: number; longestMs: number };
let reports: LoadReports;

const connection = {
  publish: (subject: string, text: unknown): void =>
    void said.push({ subject, text: String(text) }),
};

beforeEach(() => {
  fakeOnly("setInterval", "clearInterval");
  said = [];
  calls = { inFlight: 2, longestMs: 1234.5 };
  callbacks = { inFlight: 1, longestMs: 10 };
  reports = new LoadReports([calls, callbacks]);
});

afterEach(() => {
  reports.stop();
  jest.useRealTimers();
});

describe("a worker", () => {
  test("says at once what it works on, calls and callbacks, under a name of its own", () => {
    reports.start(connection);
    expect(said.map(({ text }) => JSON.parse(text) as unknown)).toEqual([
      { running: 3, longestMs: 1234 },
    ]);
    new LoadReports([]).start(connection);
    expect(new Set(said.map(({ subject }) => subject)).size).toBe(2);
    expect(said.every(({ subject }) => /^faas-load\.[\w-]+$/.test(subject))).toBe(true);
    expect(readWorkerLoad(Buffer.from(said[1]?.text ?? ""))).toEqual({ running: 0, longestMs: 0 });
  });

  test("says it again each second, as it is then, until it stops", () => {
    reports.start(connection);
    jest.advanceTimersByTime(1000);
    Object.assign(calls, { inFlight: 0, longestMs: 0 });
    jest.advanceTimersByTime(1000);
    reports.stop();
    jest.advanceTimersByTime(10_000);
    expect(said.map(({ text }) => text)).toEqual([
      '{"running":3,"longestMs":1234}',
      '{"running":3,"longestMs":1234}',
      '{"running":1,"longestMs":10}',
    ]);
  });

  test("goes on when it is not connected for a while", () => {
    const publish = jest.fn(() => {
      throw new Error("closed connection");
    });
    reports.start({ publish });
    jest.advanceTimersByTime(2000);
    expect(publish).toHaveBeenCalledTimes(3);
  });

  test("has nothing to stop before it starts", () => {
    expect(() => reports.stop()).not.toThrow();
  });
});
