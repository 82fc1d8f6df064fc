/** How long a call may run: the function's limit, and what its caller asks for. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { timeLimit } from "../../../services/watchdog/app.ts";
import { runs } from "../../support/property-runs.ts";

test.each([
  [undefined, 30_000, 30_000],
  ["10s", 30_000, 10_000],
  ["10", 30_000, 10_000],
  ["1m", 30_000, 30_000],
  ["0", 30_000, 30_000],
  ["0s", 30_000, 30_000],
  ["0ms", 30_000, 30_000],
  ["-1s", 30_000, 30_000],
  ["soon", 30_000, 30_000],
  ["", 30_000, 30_000],
  ["1000h", 30_000, 30_000],
  ["10s", 0, 10_000],
  ["0", 0, 0],
  [undefined, 0, 0],
  // More than a timer can wait: as good as none, where 1 ms would be none at all.
  ["1000h", 0, 0],
])("X-Timeout: %s beside a limit of %d ms gives %d ms", (asked, configured, limit) => {
  expect(timeLimit(asked, configured)).toBe(limit);
});

test("a caller never gets more than the function's limit, nor a timer that ends at once", () => {
  const durations = fc.oneof(
    fc.string(),
    fc.nat().map(String),
    fc.nat().map((n) => `${n}ms`),
  );
  fc.assert(
    fc.property(durations, fc.nat({ max: 2 ** 31 - 1 }), (asked, configured) => {
      const limit = timeLimit(asked, configured);
      expect(limit).toBeLessThanOrEqual(configured === 0 ? 2 ** 31 - 1 : configured);
      expect(limit === 0).toBe(configured === 0 && limit === 0);
    }),
    { numRuns: runs(300) },
  );
});
