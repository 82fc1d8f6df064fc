/** Cleans up after tests, also when a test or its setup fails. */
import type { afterAll } from "@jest/globals";

/**
 * Returns a function that registers a cleanup, to be called where a resource is created. The hook,
 * `afterEach` or `afterAll`, runs all cleanups in reverse order; one that fails fails the hook, but
 * the others still run. Open handles would keep Jest from exiting.
 */
export function collectCleanups(
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
