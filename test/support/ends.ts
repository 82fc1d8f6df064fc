/** Ends what tests have started, also when they fail, or when their setting up does half-way. */
import type { afterAll } from "@jest/globals";

/**
 * Returns what takes the end of a resource, for the place where the resource is started. The hook,
 * `afterEach` or `afterAll`, runs all that were taken, the last one first; one that fails fails the
 * hook, but does not keep the others from running. What stays open keeps Jest from ending.
 */
export function collectEnds(
  hook: typeof afterAll,
  timeoutMs?: number,
): (end: () => unknown) => void {
  const ends: (() => unknown)[] = [];
  hook(async () => {
    const errors: unknown[] = [];
    for (const end of ends.splice(0).reverse()) {
      await Promise.resolve()
        .then(end)
        .catch((error: unknown) => errors.push(error));
    }
    if (errors.length > 0) {
      throw errors[0];
    }
  }, timeoutMs);
  return (end) => void ends.push(end);
}
