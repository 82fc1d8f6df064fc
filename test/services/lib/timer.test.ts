import { afterEach, expect, jest, test } from "@jest/globals";
import { startAwakeTimer, withTimeout } from "../../../services/lib/timer.ts";

afterEach(() => {
  jest.useRealTimers();
});

test("calls back once, after the time", () => {
  jest.useFakeTimers();
  const callback = jest.fn();
  startAwakeTimer(callback, 1000);
  jest.advanceTimersByTime(999);
  expect(callback).not.toHaveBeenCalled();
  jest.advanceTimersByTime(2000);
  expect(callback).toHaveBeenCalledTimes(1);
});

test("calls nobody back once it is stopped", () => {
  jest.useFakeTimers();
  const callback = jest.fn();
  startAwakeTimer(callback, 1000)();
  jest.advanceTimersByTime(2000);
  expect(callback).not.toHaveBeenCalled();
});

test("lets what came while the process stood still be seen before", async () => {
  const said: string[] = [];
  const ended = new Promise<void>((resolve) => {
    startAwakeTimer(() => {
      said.push("over");
      resolve();
    }, 200);
  });
  setImmediate(() => said.push("came"));
  // Longer than is waited.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  await ended;
  expect(said).toEqual(["came", "over"]);
});

test("gives what a promise gives in time, or its own error", async () => {
  expect(await withTimeout(Promise.resolve(5), 1000)).toBe(5);
  await expect(withTimeout(Promise.reject(new Error("own")), 1000)).rejects.toThrow("own");
});

test("gives an error for a promise that takes longer, whatever comes of it then", async () => {
  jest.useFakeTimers();
  const { promise, reject } = Promise.withResolvers<never>();
  const ended = withTimeout(promise, 1000).catch((error: unknown) => (error as Error).message);
  await jest.advanceTimersByTimeAsync(1000);
  expect(await ended).toBe("timed out");
  reject(new Error("too late"));
  expect(jest.getTimerCount()).toBe(0);
});
