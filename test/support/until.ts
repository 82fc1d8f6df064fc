/** Waits for a condition in tests. */
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when the condition holds; rejects with its description after the time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 5000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) {
      throw new Error(`expected ${what} within ${timeoutMs} ms`);
    }
    await sleep(10);
  }
}
