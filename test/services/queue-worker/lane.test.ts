/** A lane: when one more message is to be asked for. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { Lane } from "../../../services/queue-worker/lane.ts";

function createLane(share = 4): Lane {
  return new Lane("faas-request.dev.f", share);
}

/** How many requests it takes at once. */
function fill(lane: Lane): number {
  let count = 0;
  while (lane.isReady) {
    lane.inFlight += 1;
    lane.pulling += 1;
    count += 1;
  }
  lane.inFlight -= count;
  lane.pulling -= count;
  return count;
}

describe("a lane", () => {
  test("has the consumer of its subject", () => {
    expect(createLane().consumer).toBe("faas-workers_dev_f");
  });

  test("is not asked before something may wait", () => {
    const lane = createLane();
    expect(lane.isReady).toBe(false);
    lane.hint();
    expect(lane.isReady).toBe(true);
  });

  test("is asked by one at first, and by more as it gives something, up to its share", () => {
    const lane = createLane();
    lane.hint();
    const seen = [fill(lane)];
    for (let count = 0; count < 5; count += 1) {
      lane.found();
      seen.push(fill(lane));
    }
    expect(seen).toEqual([1, 2, 3, 4, 4, 4]);
  });

  test("has no more in flight than its function takes", () => {
    const lane = createLane();
    lane.hint();
    lane.inFlight = 4;
    expect(lane.isReady).toBe(false);
    lane.inFlight = 2;
    expect(lane.isReady).toBe(true);
    lane.limit.refuse(lane.limit.generation, 4);
    expect(lane.isReady).toBe(false);
  });

  test("that gives nothing is not asked until something comes", () => {
    const lane = createLane();
    lane.hint();
    lane.found();
    lane.foundNothing(lane.hints);
    expect(lane.isReady).toBe(false);
    lane.hint();
    expect(fill(lane)).toBe(1);
  });

  test("is asked again where something came while it was asked", () => {
    const lane = createLane();
    lane.hint();
    const { hints } = lane;
    lane.hint();
    lane.foundNothing(hints);
    expect(lane.isReady).toBe(true);
  });
});

describe("a lane whose runs are short", () => {
  /** One that has found messages, and whose runs took so long. */
  async function createWorked(tookMs: number, share = 4): Promise<Lane> {
    const lane = createLane(share);
    lane.hint();
    for (let count = 0; count < share; count += 1) {
      lane.found();
    }
    await lane.begin();
    lane.end(tookMs);
    return lane;
  }

  test.each([
    [99, 4, 8],
    [100, 4, 4],
    [0, 1, 2],
    [0, 30, 40],
  ])("of %d ms, with a share of %d, has up to %d messages here", async (tookMs, share, most) => {
    const lane = await createWorked(tookMs, share);
    lane.inFlight = most - 1;
    expect(lane.isReadyAhead).toBe(true);
    lane.inFlight = most;
    expect(lane.isReadyAhead).toBe(false);
    lane.inFlight = share;
    expect(lane.isReady).toBe(false);
  });

  test("has fewer in advance where its function takes fewer", async () => {
    const lane = await createWorked(1, 8);
    lane.limit.refuse(lane.limit.generation, 8);
    lane.inFlight = 7;
    expect(lane.isReadyAhead).toBe(true);
    lane.inFlight = 8;
    expect(lane.isReadyAhead).toBe(false);
  });

  test("is one only after a run, and no more when runs become long", async () => {
    const lane = createLane();
    lane.hint();
    lane.inFlight = 4;
    expect(lane.isReadyAhead).toBe(false);
    const worked = await createWorked(1);
    worked.inFlight = 4;
    const seen: boolean[] = [];
    for (let run = 0; run < 3; run += 1) {
      await worked.begin();
      worked.end(600);
      seen.push(worked.isReadyAhead);
    }
    expect(seen).toEqual([true, false, false]);
    await worked.begin();
    worked.end();
    expect(worked.isReadyAhead).toBe(false);
  });

  test("has messages wait for their turn, in their order, as many as its function takes", async () => {
    const lane = createLane(2);
    const begun: number[] = [];
    for (let number = 1; number <= 6; number += 1) {
      void lane.begin().then(() => begun.push(number));
    }
    await nextTurn();
    expect([begun, lane.running]).toEqual([[1, 2], 2]);
    lane.end(1);
    await nextTurn();
    expect([begun, lane.running]).toEqual([[1, 2, 3], 2]);
    lane.limit.refuse(lane.limit.generation, 2);
    lane.end(1);
    await nextTurn();
    expect([begun, lane.running]).toEqual([[1, 2, 3], 1]);
    lane.release();
    await nextTurn();
    expect(begun).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
