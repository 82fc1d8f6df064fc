/** Messages that are given again, and those of streams that were made anew. */
import { describe, expect, jest, test } from "@jest/globals";
import { toConsumerName } from "../../../contract/queue/index.ts";
import type { Settlement } from "../../../services/queue-worker/lanes.ts";
import { settleDown, toSubject, useLanesWorlds } from "../../support/lanes-world.ts";

const create = useLanesWorlds();

/** So that what came before has come earlier. */
async function aMoment(): Promise<void> {
  await jest.advanceTimersByTimeAsync(1);
}

describe("a message that is given again while it is worked on", () => {
  test("is not worked on twice, and what is said of it is said once", async () => {
    const world = create({ share: 4 });
    world.start();
    world.send("a");
    await settleDown();
    world.sequence = 1;
    world.send("a");
    await settleDown();
    expect([world.taken, world.lanes.inFlight]).toEqual([["a"], 1]);
    world.settle();
    await settleDown();
    expect(world.said.filter((word) => word.startsWith("a "))).toEqual(["a +ACK"]);
  });

  test("is another one at the same place of a stream that was made anew", async () => {
    const world = create({ share: 4 });
    world.start();
    world.send("a");
    await settleDown();
    world.sequence = 1;
    world.storedAt.set(1, 1_795_906_999_999);
    world.send("a");
    await settleDown();
    expect([world.taken, world.lanes.inFlight]).toEqual([["a", "a"], 2]);
  });
});

describe("after a connection was lost", () => {
  test.each<[string, Settlement]>([
    ["acknowledged", { isDone: true }],
    ["given back", { isDone: false, waitMs: 0 }],
  ])("a message whose stream was made anew is not %s in its successor's name", async (_, how) => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    world.storedAt.set(1, 1_795_906_999_999);
    await aMoment();
    world.lanes.reset();
    world.settle("a", how);
    await settleDown();
    expect(world.said.filter((word) => word.startsWith("a "))).toEqual([]);
    expect([world.lanes.inFlight, world.lanes.confirmations.size]).toEqual([0, 0]);
  });

  test("a message that is still there is told what has become of it", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    await aMoment();
    world.lanes.reset();
    world.settle("a", { isDone: false, waitMs: 0 });
    await settleDown();
    expect(world.said).toContain("a -NAK");
  });
});

test("a consumer that another worker has dropped is made before it is asked", async () => {
  const world = create();
  world.start();
  world.send("a");
  await settleDown();
  world.settle();
  await settleDown();
  world.lanes.forgetConsumer(toSubject("a"));
  world.send("a");
  await settleDown();
  const name = toConsumerName(toSubject("a"));
  expect(world.said.filter((word) => word === `add ${name}`)).toHaveLength(2);
});
