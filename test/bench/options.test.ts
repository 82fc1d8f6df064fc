/** Command lines of the benchmarks. */
import { describe, expect, test } from "@jest/globals";
import { readOptions } from "../../bench/options.ts";
import { CommandError } from "../../cli/process.ts";

const DEFAULTS = { cases: 20, only: "all", write: false };

describe("readOptions", () => {
  test.each([
    [[], DEFAULTS],
    [["--cases", "7", "--write"], { ...DEFAULTS, cases: 7, write: true }],
    [["--cases=7", "--only", "a,b"], { ...DEFAULTS, cases: 7, only: "a,b" }],
  ])("reads %j", (args, expected) => {
    expect(readOptions(args, DEFAULTS)).toEqual(expected);
  });

  test.each([
    [["--cases", "x"], 'cases: expected a whole number of at least 1, got "x"'],
    [["--cases", ""], 'cases: expected a whole number of at least 1, got ""'],
    [["--cases", "1e99"], 'cases: expected a whole number of at least 1, got "1e99"'],
    [["--fast"], "Unknown option '--fast'; expected --cases 20, --only all, --write"],
    [["fast"], "Unexpected argument 'fast'"],
    [["--cases"], "Option '--cases <value>' argument missing"],
  ])("refuses %j", (args, message) => {
    const read = (): unknown => readOptions(args, DEFAULTS);
    expect(read).toThrow(CommandError);
    expect(read).toThrow(message);
  });
});
