/** Command lines of the audit, and the plan of its faults. */
import { describe, expect, test } from "@jest/globals";
import { CommandError } from "../../cli/process.ts";
import { readAuditOptions } from "../../scripts/audit-queue.ts";
import { planFaults } from "../audit/audit.ts";
import { FAULT_KINDS } from "../audit/faults.ts";
import { createRandom } from "../audit/random.ts";

describe("readAuditOptions", () => {
  test.each([
    [["--seed", "7", "--calls", "50", "--faults=2"], { seed: 7, calls: 50, faults: 2 }],
    [["--seed", "7"], { seed: 7, calls: 100_000, faults: 60 }],
  ])("reads %j", (args, expected) => {
    expect(readAuditOptions(args)).toEqual(expected);
  });

  test("takes another seed each time, one that it would read", () => {
    const seeds = Array.from({ length: 10 }, () => readAuditOptions([]).seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
    expect(seeds.map((seed) => readAuditOptions(["--seed", String(seed)]).seed)).toEqual(seeds);
  });

  test.each([
    [["--seed", "x"], '--seed: expected a whole number from 1 to 2147483647, got "x"'],
    [["--calls", "0"], '--calls: expected a whole number from 1 to 10000000, got "0"'],
    [["--faults", "1.5"], '--faults: expected a whole number from 1 to 100000, got "1.5"'],
    [["--runs", "1"], "audit:queue: Unknown option '--runs'; expected [--seed N] [--calls N]"],
    [["7"], "audit:queue: Unexpected argument '7'"],
  ])("refuses %j in one line", (args, message) => {
    const read = (): unknown => readAuditOptions(args);
    expect(read).toThrow(CommandError);
    expect(read).toThrow(message);
    expect(read).not.toThrow("\n");
  });
});

describe("planFaults", () => {
  test("has each kind before any kind again, in an order that its seed decides", () => {
    const count = FAULT_KINDS.length;
    const plan = planFaults(createRandom(1), 2 * count + 1);
    expect(plan).toHaveLength(2 * count + 1);
    expect(new Set(plan.slice(0, count))).toEqual(new Set(FAULT_KINDS));
    expect(new Set(plan.slice(count, 2 * count))).toEqual(new Set(FAULT_KINDS));
    expect(planFaults(createRandom(1), 2 * count + 1)).toEqual(plan);
    expect(planFaults(createRandom(2), 2 * count + 1)).not.toEqual(plan);
  });
});
