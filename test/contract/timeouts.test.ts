/** The time-outs of a call: who says what, and what follows from it. */
import { describe, expect, test } from "@jest/globals";
import { callTimeouts, drainMs, watchdogTimeouts } from "../../contract/timeouts.ts";

const PLATFORM = { connectMs: 3000, firstByteMs: 10_000, idleMs: 300_000, callMs: 60_000 };

describe("callTimeouts", () => {
  test("are the platform's where the function says nothing", () => {
    expect(callTimeouts({}, PLATFORM)).toEqual(PLATFORM);
  });

  test("are the function's where its labels say so", () => {
    const labels = {
      "plonk/call-timeout": "1h",
      "plonk/first-byte-timeout": "90",
      "plonk/idle-timeout": "0",
    };
    expect(callTimeouts({ labels }, PLATFORM)).toEqual({
      connectMs: 3000,
      firstByteMs: 90_000,
      idleMs: 0,
      callMs: 3_600_000,
    });
  });

  test("follow exec_timeout, unless there is a label", () => {
    const environment = { exec_timeout: "2m" };
    expect(callTimeouts({ environment }, PLATFORM).callMs).toBe(120_000);
    const labels = { "plonk/call-timeout": "5s" };
    expect(callTimeouts({ environment, labels }, PLATFORM).callMs).toBe(5000);
  });

  test.each(["soon", "-1s", "25h", ""])("ignore the label %j", (text) => {
    const labels = { "plonk/call-timeout": text, "plonk/idle-timeout": text };
    expect(callTimeouts({ labels }, PLATFORM)).toEqual(PLATFORM);
  });
});

describe("watchdogTimeouts", () => {
  test.each([
    [{}, ["1m", "1m", "1m"], 60_000],
    [{ labels: { "plonk/call-timeout": "0" } }, ["0s", "5m", "0s"], 300_000],
    [{ environment: { read_timeout: "7" } }, ["7", "1m", "1m"], 60_000],
    [
      { environment: { write_timeout: "2m", exec_timeout: "90s" } },
      ["1m30s", "2m", "90s"],
      120_000,
    ],
    [{ environment: { exec_timeout: "soon" } }, ["1m", "1m", "1m"], 60_000],
    [{ environment: { write_timeout: "0" } }, ["1m", "0", "1m"], 60_000],
    [{ environment: { write_timeout: "0", exec_timeout: "0" } }, ["0s", "0", "0"], 300_000],
  ])("of %j", (source, [read_timeout, write_timeout, exec_timeout], drain) => {
    expect(watchdogTimeouts(source, PLATFORM)).toEqual({
      read_timeout,
      write_timeout,
      exec_timeout,
    });
    expect(drainMs(source, PLATFORM)).toBe(drain);
  });
});
