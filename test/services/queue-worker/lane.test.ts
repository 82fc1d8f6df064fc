/** A lane: when one more message is to be asked for. */
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
