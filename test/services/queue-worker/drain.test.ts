/** How long a worker that stops waits for each message that it works on. */
import { beforeEach, describe, expect, jest, test } from "@jest/globals";
import type { LanesWorld } from "../../support/lanes-world.ts";
import { settleDown, useLanesWorlds } from "../../support/lanes-world.ts";

const create = useLanesWorlds();
const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;

let world: LanesWorld;
let isStopped: boolean;

beforeEach(() => {
  world = create({ ackWaitMs: 5000 });
  world.start();
  isStopped = false;
});

/** Takes one message of each lane. */
async function take(...names: string[]): Promise<void> {
  names.forEach((name) => world.send(name));
  await settleDown();
}

/** Has somebody else end what is done with a message; returns how that is. */
function limit(name: string): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const held = world.held.find((each) => each.name === name);
  void held?.delivery.limited(promise);
  return async () => {
    resolve(undefined);
    await settleDown();
  };
}

async function stop(mostMs = DAY_MS): Promise<void> {
  void world.lanes.stop(mostMs).then(() => (isStopped = true));
  await settleDown();
}

async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await settleDown();
}

const words = (): string[] => world.said.filter((word) => /(ACK|NAK)$/.test(word));

describe("a worker that stops", () => {
  test("waits for a call that somebody ends, however long that takes, and claims it", async () => {
    await take("a");
    limit("a");
    await stop();
    await pass(3 * 60 * MINUTE_MS);
    expect([isStopped, words()]).toEqual([false, []]);
    world.said.length = 0;
    await pass(2000);
    expect(world.said).toEqual(["a +WPI", "a +WPI"]);
    world.settle();
    await settleDown();
    expect([isStopped, words()]).toEqual([true, ["a +ACK"]]);
  });

  test("waits five minutes for one that nobody ends, and gives it back then", async () => {
    await take("a");
    await pass(60 * MINUTE_MS);
    await stop();
    await pass(5 * MINUTE_MS - 1);
    expect([isStopped, words()]).toEqual([false, []]);
    await pass(1);
    expect([isStopped, words()]).toEqual([true, ["a -NAK"]]);
  });

  test("lets one that nobody ends run for as long as it waits for another one", async () => {
    await take("a", "b");
    limit("b");
    await stop();
    await pass(60 * MINUTE_MS);
    expect([isStopped, words()]).toEqual([false, []]);
    world.settle("a");
    await settleDown();
    world.settle("b");
    await settleDown();
    expect([isStopped, words()]).toEqual([true, ["a +ACK", "b +ACK"]]);
  });

  test("gives that back when it waits for nothing else any more", async () => {
    await take("a", "b");
    limit("b");
    await stop();
    await pass(60 * MINUTE_MS);
    world.settle("b");
    await pass(1000);
    expect([isStopped, words()]).toEqual([true, ["b +ACK", "a -NAK"]]);
  });

  test("has five minutes for what is to be done after the end of a run", async () => {
    await take("a");
    const end = limit("a");
    await stop();
    await pass(60 * MINUTE_MS);
    await end();
    await pass(5 * MINUTE_MS - 1);
    expect([isStopped, words()]).toEqual([false, []]);
    await pass(1000);
    expect([isStopped, words()]).toEqual([true, ["a -NAK"]]);
  });

  test("waits no longer than it was told, and gives back also what somebody would end", async () => {
    await take("a", "b");
    limit("b");
    await stop(MINUTE_MS);
    await pass(MINUTE_MS - 1);
    expect([isStopped, words()]).toEqual([false, []]);
    await pass(1);
    expect([isStopped, words()]).toEqual([true, ["a -NAK", "b -NAK"]]);
  });
});
