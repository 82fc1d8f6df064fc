/** Faults of ours in callbacks: told, and the end of what they are about. */
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import { endByFault, guard, logFaultsTo } from "../../../services/lib/faults.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";

const FAULT = new TypeError("a fault of ours");

let log: KeptLog;

const fail = (): never => {
  throw FAULT;
};

beforeEach(() => {
  log = createKeptLog();
  logFaultsTo(log.logger);
});

describe("a guarded callback", () => {
  test("gets what it is called with, and ends nothing while all goes well", () => {
    const end = jest.fn();
    const got: unknown[] = [];
    guard((...all: number[]) => void got.push(...all), end)(1, 2);
    expect([got, end.mock.calls, log.text()]).toEqual([[1, 2], [], ""]);
  });

  test("ends what it is about after a fault, which is in the log", () => {
    const end = jest.fn();
    guard(fail, end)();
    expect(end).toHaveBeenCalledWith(FAULT);
    expect(log.text()).toContain("a fault of ours");
    expect(guard(fail)).not.toThrow();
  });

  test("never throws, also where the end does", () => {
    endByFault(FAULT, () => {
      throw new Error("no end either");
    });
    expect(log.text()).toContain("no end either");
  });
});
