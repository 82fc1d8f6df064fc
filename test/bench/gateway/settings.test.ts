/** The benchmark's command line and settings. */
import { describe, expect, test } from "@jest/globals";
import { CONTESTANTS } from "../../../bench/gateway/contestants.ts";
import { DOWNLOADS, readOptions, UPLOADS } from "../../../bench/gateway/settings.ts";

describe("readOptions", () => {
  test("takes five rounds with everybody by default", () => {
    expect(readOptions([])).toEqual({ rounds: 5, seconds: 3, contestants: CONTESTANTS });
  });

  test("takes fewer, and always Go", () => {
    const options = readOptions(["--rounds", "2", "--seconds", "1", "--only", "nginx,gateway"]);
    expect(options).toEqual({ rounds: 2, seconds: 1, contestants: ["gateway", "go", "nginx"] });
  });

  test.each([
    [["--rounds", "0"], 'rounds: must be a positive integer, got "0"'],
    [["--seconds", "1.5"], 'seconds: must be a positive integer, got "1.5"'],
    [["--only", "apache"], "only: must be some of gateway, go, go-pooled, nginx, haproxy, node"],
    [["--fast"], "Unknown option '--fast'"],
  ])("refuses %j", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
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
