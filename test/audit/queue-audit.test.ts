/** The audit in short: each fault that matters once, and a queue that loses calls on purpose. */
import { expect, test } from "@jest/globals";
import { countFaults, describeResult, runAudit } from "./audit.ts";
import type { FaultKind } from "./faults.ts";
import { SHORT_PACE } from "./pace.ts";

const SHORT = { seed: 20_261_128, pace: SHORT_PACE };

/** One of each family: killed, paused, partitioned, slow, full, without power, set otherwise. */
const FAULTS: readonly FaultKind[] = [
  "worker killed",
  "gateway without NATS' answers",
  "NATS killed",
  "worker cut off from NATS",
  "gateway killed",
  "all slow",
  "power lost",
  "worker restarted with other settings",
  "disk full",
];

test("no accepted call is lost while everything breaks once", async () => {
  const result = await runAudit({ ...SHORT, calls: 1200, faults: FAULTS, quietEvery: 3 });
  // So that a failure tells all of it.
  expect([...describeResult(result), ...result.breaches]).toEqual(describeResult(result));
  expect(countFaults(result)).toBe(FAULTS.length);
  expect(result.calls).toBe(1200);
  expect(result.balance.accepted).toBeGreaterThan(600);
  expect(result.balance.done).toBeGreaterThan(600);
}, 300_000);

test("an audit of a queue that loses calls finds each of them", async () => {
  const result = await runAudit({ ...SHORT, calls: 150, faults: [], dropEvery: 10 });
  expect(result.dropped).toBeGreaterThan(10);
  expect(result.breaches.map(({ kind }) => kind)).toEqual(
    Array.from({ length: result.dropped }, () => "lost"),
  );
}, 300_000);
