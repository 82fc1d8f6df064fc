/** Messages of many lanes on few places: each in its turn, none waits for another's end. */
import { describe, expect, jest, test } from "@jest/globals";
import {
  type LanesWorld,
  settleDown,
  toSubject,
  useLanesWorlds,
} from "../../support/lanes-world.ts";
import { until } from "../../support/until.ts";

const create = useLanesWorlds();

describe("lanes", () => {
  test("are nobody's before they are started", async () => {
    const world = create();
    world.send("a");
    await settleDown();
    expect([world.taken, world.lanes.inFlight]).toEqual([[], 0]);
    world.start();
    await settleDown();
    expect([world.taken, world.lanes.inFlight]).toEqual([["a"], 1]);
  });

  test("are found by the look at the stream, which tells their depths", async () => {
    const depths: [string, number][][] = [];
    const world = create({ onDepths: (seen) => depths.push([...seen]) });
    world.add("a", 3);
    world.start();
    await settleDown();
    expect(depths).toEqual([[["faas-request.n.a", 3]]]);
    expect(world.taken).toEqual(["a", "a"]);
  });

  test("have their share of the places, and the next message when one is settled", async () => {
    const world = create({ places: 10, share: 3 });
    world.start();
    world.send("a", 5);
    await settleDown();
    expect(world.taken).toHaveLength(3);
    world.settle();
    await settleDown();
    expect(world.taken).toHaveLength(4);
  });

  test("take turns, whichever is full of messages", async () => {
    const world = create({ places: 2, share: 2 });
    world.add("a", 100);
    world.add("b", 100);
    world.add("c", 100);
    world.start();
    await settleDown();
    for (let count = 0; count < 60; count += 1) {
      world.settle();
      await settleDown();
    }
    const counts = ["a", "b", "c"].map(
      (name) => world.taken.filter((each) => each === name).length,
    );
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
  });

  test("without a place get one though all are taken, up to a reserve", async () => {
    const world = create({ places: 2, share: 2 });
    world.start();
    world.send("a", 5);
    await settleDown();
    expect(world.taken).toEqual(["a", "a"]);
    for (let index = 0; index < 20; index += 1) {
      world.send(`f${index}`, 2);
    }
    await settleDown();
    // Twice the places, and four times that beyond them: one for each lane that has none.
    expect(world.taken).toHaveLength(10);
    expect(new Set(world.taken.slice(2)).size).toBe(8);
    world.settle("a");
    await settleDown();
    expect(world.taken.at(-1)).toBe("f8");
  });

  test("that are empty are not asked again until something comes", async () => {
    const world = create();
    world.start();
    world.lanes.hint(toSubject("a"));
    await settleDown();
    const before = world.pulls;
    await settleDown();
    expect(world.pulls).toBe(before);
    world.send("a");
    await settleDown();
    expect(world.taken).toEqual(["a"]);
  });

  test("are asked again after a second where nobody has told of a message", async () => {
    const world = create();
    world.start();
    await settleDown();
    world.add("a");
    await jest.advanceTimersByTimeAsync(100);
    expect(world.taken).toEqual([]);
    // The look at the stream waits by a timer that no test can fake.
    jest.useRealTimers();
    world.lookAgain();
    await until("the message", () => world.taken.length > 0);
    expect(world.taken).toEqual(["a"]);
  });
});

describe("a consumer", () => {
  test("is made once for a lane, and again after the connection was lost", async () => {
    const world = create();
    world.start();
    world.send("a", 2);
    await settleDown();
    expect(world.said).toEqual(["add faas-workers_n_a"]);
    world.lanes.reset();
    world.settle();
    world.send("a");
    await settleDown();
    expect(world.said.filter((word) => word.startsWith("add"))).toHaveLength(2);
  });

  test("that is there with other settings gets today's", async () => {
    const world = create();
    world.addFailure = 10_148;
    world.start();
    world.send("a");
    await settleDown();
    expect(world.said).toEqual(["add faas-workers_n_a", "update faas-workers_n_a"]);
    expect(world.taken).toEqual(["a"]);
  });

  test("that cannot be made leaves its lane until the next look", async () => {
    const world = create();
    world.addFailure = 10_028;
    world.start();
    world.send("a");
    await settleDown();
    expect([world.taken, world.pulls]).toEqual([[], 0]);
    expect(world.log.text()).toContain('"lane":"faas-request.n.a","reason":"error 10028"');
    world.addFailure = undefined;
    world.lanes.hint(toSubject("a"));
    await settleDown();
    expect(world.taken).toEqual(["a"]);
  });

  test("that does not answer is made again", async () => {
    const world = create();
    world.pullFailure = new Error("JetStream: no answer");
    world.start();
    world.send("a");
    await settleDown();
    world.pullFailure = undefined;
    world.lanes.hint(toSubject("a"));
    await settleDown();
    expect(world.said).toEqual(["add faas-workers_n_a", "add faas-workers_n_a"]);
    expect(world.taken).toEqual(["a"]);
  });
});

describe("a message", () => {
  test("that is done with is acknowledged", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    world.settle();
    await settleDown();
    expect(world.said.slice(1)).toEqual(["a +ACK"]);
    expect(world.lanes.inFlight).toBe(0);
  });

  test("that is not is given back, and asked for when it is soon due", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    world.settle("a", { isDone: false, waitMs: 300 });
    await settleDown();
    expect(world.said.slice(1)).toEqual(['a -NAK {"delay":300000000}']);
    world.add("a");
    await jest.advanceTimersByTimeAsync(309);
    expect(world.taken).toEqual(["a"]);
    await jest.advanceTimersByTimeAsync(1);
    await settleDown();
    expect(world.taken).toEqual(["a", "a"]);
  });

  test("is claimed three times in the time that the queue gives, while it is worked on", async () => {
    const world = create({ ackWaitMs: 3000 });
    world.start();
    world.send("a");
    await settleDown();
    await jest.advanceTimersByTimeAsync(3000);
    expect(world.said.slice(1)).toEqual(["a +WPI", "a +WPI", "a +WPI"]);
    world.settle();
    await settleDown();
    await jest.advanceTimersByTimeAsync(3000);
    expect(world.said.slice(4)).toEqual(["a +ACK"]);
  });

  test("is claimed each second at least, as another worker's settings may give it less time", async () => {
    const world = create({ ackWaitMs: 60_000 });
    world.start();
    world.send("a");
    await settleDown();
    await jest.advanceTimersByTimeAsync(3000);
    expect(world.said.slice(1)).toEqual(["a +WPI", "a +WPI", "a +WPI"]);
  });

  test("of which the queue cannot be told is no end of the worker, nor of its lane", async () => {
    const world = create({ ackWaitMs: 3000 });
    world.start();
    world.send("a");
    await settleDown();
    world.sayFailure = new Error("connection closed");
    await jest.advanceTimersByTimeAsync(1000);
    world.settle("a", { isDone: false, waitMs: 60_000 });
    await settleDown();
    expect(world.lanes.inFlight).toBe(0);
    world.sayFailure = undefined;
    world.send("a");
    await settleDown();
    expect(world.taken).toEqual(["a", "a"]);
  });
});

async function stopAtOnce({ lanes }: LanesWorld): Promise<void> {
  const stopped = lanes.stop(0);
  await jest.advanceTimersByTimeAsync(0);
  await stopped;
}

describe("a worker that stops", () => {
  test("takes no more messages, and waits for those that it has", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    let isStopped = false;
    const stopped = world.lanes.stop(60_000).then(() => (isStopped = true));
    world.send("a");
    await settleDown();
    expect([isStopped, world.taken]).toEqual([false, ["a"]]);
    world.settle();
    await stopped;
    expect(world.said.slice(1)).toEqual(["a +ACK"]);
  });

  test("waits as long as a timer can count where it may wait for longer", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    const stopped = world.lanes.stop(2 ** 31);
    await jest.advanceTimersByTimeAsync(1000);
    world.settle();
    await stopped;
    expect(world.said.at(-1)).toBe("a +ACK");
  });

  test("gives back what does not end in its time, and does not claim it any more", async () => {
    const world = create({ ackWaitMs: 3000 });
    world.start();
    world.send("a");
    world.send("b");
    await settleDown();
    await stopAtOnce(world);
    expect(world.said.slice(2)).toEqual(["a -NAK", "b -NAK"]);
    await jest.advanceTimersByTimeAsync(3000);
    expect(world.said).toHaveLength(4);
  });

  test("does not acknowledge what it has given back", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    await stopAtOnce(world);
    world.settle();
    await settleDown();
    expect(world.said.slice(1)).toEqual(["a -NAK"]);
  });

  test("gives back what was on its way to it", async () => {
    const world = create();
    world.start();
    world.send("a");
    const stopped = world.lanes.stop(60_000);
    await settleDown();
    await stopped;
    expect([world.taken, world.said.slice(1)]).toEqual([[], ["a -NAK"]]);
  });

  test("stops also where the queue is away", async () => {
    const world = create();
    world.start();
    world.send("a");
    await settleDown();
    world.sayFailure = new Error("connection closed");
    await stopAtOnce(world);
    world.settle("a", { isDone: false, waitMs: 0 });
    await settleDown();
    expect(world.taken).toEqual(["a"]);
  });
});
