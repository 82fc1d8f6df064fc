/** Ten times the capacity, small enough for every test run; the whole is `bench -- overload`. */
import { describe, expect, test } from "@jest/globals";
import { LABEL } from "../../../contract/index.ts";
import { measureOverload, type OverloadResult } from "../../support/overload.ts";

/** On a slow machine the overload lasts longer, and its calls are as many. */
const size = { limit: 5, callMs: 100, seconds: 2, idleConnections: 200 };

function expectOrder({ before, during, after, lostIdle, memoryMiB }: OverloadResult): void {
  expect([before.failed, during.failed, after.failed]).toEqual([0, 0, 0]);
  expect(during.withoutRetryAfter).toBe(0);
  expect(lostIdle).toBe(0);
  expect(memoryMiB).toBeLessThan(400);
  expect(after.outcomes).toEqual({ 200: after.calls });
}

describe("ten times the capacity", () => {
  test("of a function: 429 with Retry-After for what is too much, and then as before", async () => {
    const labels = { [LABEL.maxInflight]: "5" };
    const result = await measureOverload({ ...size, labels, enough: { 200: 10, 429: 10 } });
    expectOrder(result);
    expect(result.during.outcomes["503"]).toBeUndefined();
  });

  test("of a gateway: 503 with Retry-After for what is too much, and then as before", async () => {
    const env = { max_inflight: "5" };
    const result = await measureOverload({ ...size, env, enough: { 200: 10, 503: 10 } });
    expectOrder(result);
    expect(result.during.outcomes["429"]).toBeUndefined();
  });
});
