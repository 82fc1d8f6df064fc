/** For how long a stopping gateway waits at most. */
import { expect, test } from "@jest/globals";
import { longestCallMs } from "../../../../services/gateway/calls/longest-call.ts";
import { functionOf, NO_LIMITS } from "../../../support/call-parts.ts";

const LABEL = "plonk/call-timeout";
const usual = functionOf("usual");

test.each([
  ["there is no function", [], 60_000],
  ["none has a limit of its own", [usual], 60_000],
  ["one may take longer", [usual, functionOf("slow", { labels: { [LABEL]: "10m" } })], 600_000],
  [
    "one has a time-out of its own",
    [functionOf("s", { environment: { exec_timeout: "2m" } })],
    120_000,
  ],
  ["all are shorter", [functionOf("fast", { labels: { [LABEL]: "1s" } })], 60_000],
  ["one has no limit", [functionOf("endless", { labels: { [LABEL]: "0" } }), usual], 300_000],
])("where %s", (_what, functions, expected) => {
  const timeouts = { ...NO_LIMITS, callMs: 60_000 };
  expect(longestCallMs({ timeouts, functions, scaleFromZero: undefined })).toBe(expected);
  const scaleFromZero = { timeoutMs: 30_000 };
  expect(longestCallMs({ timeouts, functions, scaleFromZero })).toBe(expected + 30_000);
});

test("where the platform has no limit, it is that of a call without one", () => {
  const none = { timeouts: NO_LIMITS, functions: [usual], scaleFromZero: undefined };
  expect(longestCallMs(none)).toBe(300_000);
});
