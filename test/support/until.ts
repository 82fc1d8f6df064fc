/** Waits for a condition in tests. */
import { setTimeout as sleep } from "node:timers/promises";

/** Only to end a hang: no test may fail because the machine is busy. */
const PATIENCE_MS = 60_000;

/** Resolves when the condition holds; rejects with its description after the time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  // Not the clocks that tests move on.
  const deadline = process.hrtime.bigint() + BigInt(timeoutMs) * 1_000_000n;
  while (!(await condition())) {
    if (process.hrtime.bigint() > deadline) {
      throw new Error(`expected ${what} within ${timeoutMs} ms`);
    }
    await sleep(10);
  }
}
