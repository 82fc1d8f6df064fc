import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Repairs } from "../../../../services/operator/kubernetes/repairs.ts";

const MINUTE = 60_000;

let now: number;
let repairs: Repairs;

beforeEach(() => {
  now = 1000;
  jest.spyOn(performance, "now").mockImplementation(() => now);
  repairs = new Repairs();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const judge = (...fields: string[]) => repairs.judge("f", fields);

describe("additions", () => {
  it("are taken back, and left for an hour when they are back within ten minutes", () => {
    expect(judge("a", "b")).toBe("takeBack");
    expect(repairs.note("f", ["a", "b"])).toBe(true);
    now += 9 * MINUTE;
    expect(judge("a")).toBe("tell");
    expect([judge("a"), judge("a", "b")]).toStrictEqual(["leave", "leave"]);
    expect(repairs.waitMs("f")).toBe(60 * MINUTE);
    now += 59 * MINUTE;
    expect([judge("a"), repairs.endWait("f")]).toStrictEqual(["leave", false]);
    now += MINUTE;
    expect([repairs.waitMs("f"), repairs.endWait("f")]).toStrictEqual([0, true]);
    expect([judge("a"), repairs.waitMs("f")]).toStrictEqual(["takeBack", undefined]);
  });

  it("are taken back each time when they come seldom", () => {
    repairs.note("f", ["a"]);
    now += 10 * MINUTE;
    expect(judge("a")).toBe("takeBack");
    expect(repairs.note("f", ["a"])).toBe(true);
  });

  it("are taken back when they are others, five times within ten minutes", () => {
    for (const name of ["a", "b", "c", "d", "e"]) {
      expect(judge(name)).toBe("takeBack");
      expect(repairs.note("f", [name])).toBe(true);
      now += MINUTE;
    }
    expect([judge("f"), judge("g")]).toStrictEqual(["tell", "leave"]);
  });

  it("stay left while something else is taken back", () => {
    repairs.note("f", ["a"]);
    judge("a");
    now += 30 * MINUTE;
    expect(judge("a", "b")).toBe("takeBack");
    expect(repairs.note("f", ["a", "b"])).toBe(true);
    expect([judge("a"), repairs.waitMs("f")]).toStrictEqual(["leave", 30 * MINUTE]);
  });

  it("of one object say nothing about another, and are forgotten", () => {
    repairs.note("f", ["a"]);
    expect(repairs.judge("g", ["a"])).toBe("takeBack");
    repairs.forget("f");
    expect(judge("a")).toBe("takeBack");
  });
});

describe("what is back within ten seconds", () => {
  it("waits for their end, which is no news then", () => {
    expect(repairs.mustWait("f", ["a"])).toBe(false);
    repairs.note("f", ["a"]);
    now += 4000;
    expect([repairs.mustWait("f", []), repairs.mustWait("f", ["b"])]).toStrictEqual([false, false]);
    expect(repairs.waitMs("f")).toBeUndefined();
    expect(repairs.mustWait("f", ["a"])).toBe(true);
    expect([repairs.waitMs("f"), repairs.endWait("f")]).toStrictEqual([6000, false]);
    now += 6000;
    expect(repairs.endWait("f")).toBe(true);
    expect([repairs.mustWait("f", ["a"]), repairs.waitMs("f")]).toStrictEqual([false, undefined]);
    expect(repairs.note("f", ["a"])).toBe(false);
  });

  it("waits, and additions are left for their hour all the same", () => {
    repairs.note("f", ["a", "b"]);
    judge("a");
    expect(repairs.mustWait("f", ["a", "b"])).toBe(true);
    expect(repairs.waitMs("f")).toBe(10_000);
    now += 10_000;
    expect(repairs.endWait("f")).toBe(true);
    expect([judge("a"), repairs.waitMs("f")]).toStrictEqual(["leave", 60 * MINUTE - 10_000]);
  });
});
