/** The command line of the benchmark of the queue. */
import { expect, test } from "@jest/globals";
import { readAsyncOptions } from "../../../bench/async/settings.ts";

test("runs everything, without profiles", () => {
  expect(readAsyncOptions([])).toEqual({
    rounds: 5,
    seconds: 3,
    calls: 4000,
    queued: 1_000_000,
    parts: ["accept", "drain", "adaptive", "memory"],
    profile: undefined,
  });
});

test("runs some parts, in the order in which they always are", () => {
  const args = ["--only", "memory,accept", "--rounds", "1", "--profile", "profiles"];
  expect(readAsyncOptions(args)).toMatchObject({
    parts: ["accept", "memory"],
    rounds: 1,
    profile: "profiles",
  });
});

test.each([
  [["--only", "accept,speed"], "only: expected some of accept, drain, adaptive, memory"],
  [["--only", ""], 'only: expected some of accept, drain, adaptive, memory, got ""'],
  [["--calls", "0"], 'calls: expected a whole number of at least 1, got "0"'],
])("refuses %j", (args, message) => {
  expect(() => readAsyncOptions(args)).toThrow(message);
});
