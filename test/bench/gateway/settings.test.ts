/** The benchmark's command line and settings. */
import { describe, expect, test } from "@jest/globals";
import { CONTESTANTS } from "../../../bench/gateway/contestants.ts";
import { DOWNLOADS, PARTS, readBenchOptions, UPLOADS } from "../../../bench/gateway/settings.ts";

describe("readBenchOptions", () => {
  test("takes five rounds with everybody by default", () => {
    expect(readBenchOptions([])).toEqual({
      ...{ parts: PARTS, rounds: 5, seconds: 3 },
      contestants: CONTESTANTS,
    });
  });

  test("takes fewer, and always Go", () => {
    const options = readBenchOptions([
      "--rounds",
      "2",
      "--seconds",
      "1",
      "--only",
      "nginx,gateway",
      "--parts=added,streams",
    ]);
    expect(options).toEqual({
      ...{ parts: ["streams", "added"], rounds: 2, seconds: 1 },
      contestants: ["gateway", "go", "nginx"],
    });
  });

  test.each([
    [["--rounds", "0"], 'rounds: expected a whole number of at least 1, got "0"'],
    [["--seconds", "1.5"], 'seconds: expected a whole number of at least 1, got "1.5"'],
    [
      ["--only", "apache"],
      "only: expected some of gateway, go, go-pooled, openfaas, nginx, haproxy,",
    ],
    [
      ["--parts", "all"],
      'parts: expected some of answers, uploads, streams, upgrades, added, got "all"',
    ],
    [["--fast"], "Unknown option '--fast'"],
  ])("refuses %j", (args, message) => {
    expect(() => readBenchOptions(args)).toThrow(message);
  });
});

test("both sizes are asked for over 10, 50 and 250 connections", () => {
  expect(DOWNLOADS.map(({ title }) => title)).toEqual([
    "20 B, 10 connections",
    "20 B, 50 connections",
    "20 B, 250 connections",
    "100 KB, 10 connections",
    "100 KB, 50 connections",
    "100 KB, 250 connections",
  ]);
  expect(UPLOADS.map(({ uploadBytes }) => uploadBytes)).toEqual([102_400]);
});
