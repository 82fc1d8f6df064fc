/** How many passwords are checked at a time. */
import { expect, test } from "@jest/globals";
import {
  BusyError,
  PasswordCheckLimit,
} from "../../../../services/gateway/auth/password-check-limit.ts";

test("two run, twenty wait in their order, and the rest is refused", async () => {
  const gate = new PasswordCheckLimit();
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const runs = Array.from({ length: 30 }, (_, index) =>
    gate
      .run(async () => {
        started.push(index);
        await new Promise<void>((resolve) => ends.push(resolve));
        return index;
      })
      .catch((error: unknown) => (error instanceof BusyError ? "busy" : "other")),
  );
  expect(started).toEqual([0, 1]);
  expect(await Promise.all(runs.slice(22))).toEqual(Array(8).fill("busy"));
  while (started.length < 22) {
    expect(ends.length).toBeLessThanOrEqual(2);
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  ends.forEach((end) => end());
  expect(await Promise.all(runs.slice(0, 22))).toEqual(Array.from({ length: 22 }, (_, i) => i));
  expect(started).toEqual(Array.from({ length: 22 }, (_, i) => i));
});

test("a check that fails gives its place away, too", async () => {
  const gate = new PasswordCheckLimit();
  const fail = (): Promise<never> => Promise.reject(new Error("scrypt"));
  for (let turn = 0; turn < 5; turn += 1) {
    await expect(gate.run(fail)).rejects.toThrow("scrypt");
  }
  expect(await gate.run(() => Promise.resolve("fine"))).toBe("fine");
});
