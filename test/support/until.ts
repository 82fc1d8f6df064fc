/** Waits for a condition in tests. */
import { readFileSync } from "node:fs";
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

/**
 * Resolves with what a file has, once somebody has written something to it: it is there, and empty,
 * a moment before.
 */
export async function untilWritten(file: string, timeoutMs = PATIENCE_MS): Promise<string> {
  let text = "";
  await until(
    `something in ${file}`,
    () => {
      text = readIfAny(file);
      return text !== "";
    },
    timeoutMs,
  );
  return text;
}

function readIfAny(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return "";
    }
    throw error;
  }
}
