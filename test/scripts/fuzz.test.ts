/** Command lines of the random campaign, and the tests that it takes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { CommandError } from "../../cli/process.ts";
import { findPropertyTests, readFuzzOptions } from "../../scripts/fuzz.ts";

describe("readFuzzOptions", () => {
  test.each([
    [["--seed", "7", "--runs", "50"], { seed: 7, runs: 50, patterns: [] }],
    [["gateway", "--seed=7", "lib"], { seed: 7, runs: 1000, patterns: ["gateway", "lib"] }],
    [["--seed", "2147483647"], { seed: 2_147_483_647, runs: 1000, patterns: [] }],
  ])("reads %j", (args, expected) => {
    expect(readFuzzOptions(args)).toEqual(expected);
  });

  test("takes another seed each time, one that it would read", () => {
    const seeds = Array.from({ length: 10 }, () => readFuzzOptions([]).seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
    for (const seed of seeds) {
      expect(readFuzzOptions(["--seed", String(seed)]).seed).toBe(seed);
    }
  });

  test.each([
    [["--seed", "x"], '--seed: expected a whole number from 1 to 2147483647, got "x"'],
    [["--seed", "2147483648"], '--seed: expected a whole number from 1 to 2147483647, got "2147'],
    [["--seed=-1"], '--seed: expected a whole number from 1 to 2147483647, got "-1"'],
    [["--runs", "0"], '--runs: expected a whole number from 1 to 10000000, got "0"'],
    [["--runs", ""], '--runs: expected a whole number from 1 to 10000000, got ""'],
    [["--runs", "1e3"], '--runs: expected a whole number from 1 to 10000000, got "1e3"'],
    [["--runs"], "fuzz: Option '--runs <value>' argument missing; expected [--seed N] [--runs N]"],
    [["--seed", "-1"], "fuzz: Option '--seed' argument is ambiguous; expected [--seed N]"],
    [["--cases", "7"], "fuzz: Unknown option '--cases'; expected [--seed N] [--runs N]"],
  ])("refuses %j in one line", (args, message) => {
    const read = (): unknown => readFuzzOptions(args);
    expect(read).toThrow(CommandError);
    expect(read).toThrow(message);
    expect(read).not.toThrow("\n");
  });
});

describe("findPropertyTests", () => {
  const root = mkdtempSync(join(tmpdir(), "plonk-fuzz-"));
  mkdirSync(join(root, "test/deep"), { recursive: true });
  const write = (path: string, text: string): void => writeFileSync(join(root, path), text);
  write("test/a.test.ts", 'import fc from "fast-check";');
  write("test/a.ts", 'import fc from "fast-check";');
  write("test/plain.test.ts", "");
  write("test/deep/b.test.ts", 'import { runs } from "../support/property-runs.ts";');

  afterAll(() => rmSync(root, { recursive: true }));

  test.each([
    [[], ["test/a.test.ts", "test/deep/b.test.ts"]],
    [["deep/"], ["test/deep/b.test.ts"]],
    [
      ["[ab]\\.test", "deep"],
      ["test/a.test.ts", "test/deep/b.test.ts"],
    ],
  ])("finds by %j", (patterns, expected) => {
    expect(findPropertyTests(root, patterns)).toEqual(expected);
  });

  test.each([
    ["plain", "path pattern: expected one that matches a property test, got plain"],
    ["(", "path pattern: expected a regular expression, got ("],
  ])("refuses %j", (pattern, message) => {
    expect(() => findPropertyTests(root, [pattern])).toThrow(new CommandError(message));
  });
});
