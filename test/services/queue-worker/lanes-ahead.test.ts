/** Messages that are taken before their turn. */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { settleDown, toSubject, useLanesWorlds } from "../../support/lanes-world.ts";

const create = useLanesWorlds();

afterEach(() => {
  jest.restoreAllMocks();
});

describe("lanes", () => {
  test("of short runs take messages in advance, which wait for their turn", async () => {
    const world = create({ places: 20, share: 2 });
    world.start();
    world.send("a", 10);
    await settleDown();
    expect([world.taken.length, world.waiting.get(toSubject("a"))]).toEqual([2, 8]);
    world.settle();
    await settleDown();
    // Two are worked on, and two wait here.
    expect([world.taken.length, world.waiting.get(toSubject("a"))]).toEqual([3, 5]);
    expect(world.lanes.inFlight).toBe(4);
    world.settle();
    await settleDown();
    expect(world.taken).toHaveLength(4);
  });

  test("give back at the end what has waited for its turn", async () => {
    const world = create({ places: 20, share: 1 });
    world.start();
    world.send("a", 5);
    await settleDown();
    world.settle();
    await settleDown();
    const stopped = world.lanes.stop(1000);
    await settleDown();
    expect(world.said.filter((word) => word.endsWith("-NAK"))).toEqual(["a -NAK"]);
    world.settle();
    await stopped;
    expect([world.taken.length, world.lanes.inFlight]).toEqual([2, 0]);
    expect(world.said.filter((word) => word.endsWith("+ACK"))).toHaveLength(2);
  });

  test("take nothing in advance where half of the places are taken", async () => {
    const world = create({ places: 4, share: 2 });
    world.start();
    world.send("a", 10);
    await settleDown();
    world.settle();
    await settleDown();
    expect(world.lanes.inFlight).toBe(2);
  });

  test.each([
    [59_000, ["a", "a", "a"]],
    [60_000, ["a", "a"]],
  ])("begin what was taken in advance after a silence of %d ms: %j", async (ms, taken) => {
    const world = create({ places: 20, share: 1 });
    world.start();
    world.send("a", 3);
    await settleDown();
    world.settle();
    await settleDown();
    // The process was stopped, or not connected: nothing was said of what it has.
    const now = performance.now();
    jest.spyOn(performance, "now").mockReturnValue(now + ms);
    world.settle();
    await settleDown();
    expect(world.taken).toEqual(taken);
    const said = world.said.filter((word) => word.startsWith("a -"));
    expect(said).toEqual([]);
  });

  test("say nothing of what they have while there is no connection", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    world.problem = "not connected";
    await jest.advanceTimersByTimeAsync(3000);
    expect(world.said).not.toContain("a +WPI");
    world.problem = undefined;
    await jest.advanceTimersByTimeAsync(1000);
    expect(world.said).toContain("a +WPI");
  });
});
