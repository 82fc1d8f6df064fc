/** Consumers that give nobody what their lanes have. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { STREAM } from "../../../contract/queue/index.ts";
import { Lane } from "../../../services/queue-worker/lane.ts";
import { LaneConsumers } from "../../../services/queue-worker/lane-consumers.ts";
import { type FakeConsumer, LanesWorld, toSubject } from "../../support/lanes-world.ts";

const DONE: FakeConsumer = { num_pending: 0, num_ack_pending: 0, delivered: 1, floor: 1 };

let world: LanesWorld;
let consumers: LaneConsumers;
let dropped: string[];

beforeEach(() => {
  world = new LanesWorld();
  dropped = [];
  consumers = new LaneConsumers({
    link: world.link,
    stream: STREAM.calls,
    ackWaitMs: 60_000,
    onDropped: ({ subject }) => dropped.push(subject),
  });
});

/** A lane with one message in it. */
async function createLane(name: string, place: number): Promise<Lane> {
  const lane = new Lane(toSubject(name), 10);
  await consumers.make(lane);
  world.consumers.set(name, DONE);
  putOldest(name, place);
  return lane;
}

function putOldest(name: string, place: number): void {
  world.storedAt.set(place, 1_795_906_000_000);
  world.oldest.set(name, place);
}

async function sweep(lanes: readonly Lane[], times: number, depth = 1): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await consumers.sweep(new Map(lanes.map((lane) => [lane, depth])));
  }
}

test("a consumer that is made says since when it knows of messages", async () => {
  const lane = new Lane(toSubject("a"), 10);
  expect([lane.hasConsumer, lane.madeAt]).toEqual([false, Infinity]);
  await consumers.make(lane);
  expect([lane.hasConsumer, lane.madeAt]).toEqual([true, Date.parse("2026-11-28T00:00:00Z")]);
});

describe("a lane with a message that its consumer gives to nobody", () => {
  test("gets another one after three looks, of which other workers hear", async () => {
    const lane = await createLane("a", 1);
    await sweep([lane], 2);
    expect([lane.hasConsumer, dropped]).toEqual([true, []]);
    await sweep([lane], 1);
    expect([lane.hasConsumer, dropped]).toEqual([false, [lane.subject]]);
    expect(world.said.at(-1)).toBe(`delete ${lane.consumer}`);
    await sweep([lane], 5);
    expect(dropped).toHaveLength(1);
  });

  test("gets another one again where that has helped nothing, as late", async () => {
    const lane = await createLane("a", 1);
    await sweep([lane], 3);
    await consumers.make(lane);
    await sweep([lane], 2);
    expect(dropped).toHaveLength(1);
    await sweep([lane], 1);
    expect(dropped).toHaveLength(2);
  });

  test("gets another one beside messages that wait for their time", async () => {
    const lane = await createLane("a", 1);
    world.consumers.set("a", { ...DONE, num_ack_pending: 2, delivered: 5 });
    await sweep([lane], 5, 2);
    expect(dropped).toEqual([]);
    await sweep([lane], 3, 3);
    expect(dropped).toHaveLength(1);
  });

  test("gets another one while others are taken, as soon as all before is done with", async () => {
    const lane = await createLane("a", 7);
    for (let look = 0; look < 9; look += 1) {
      const floor = look < 3 ? 6 : look + 4;
      world.consumers.set("a", { num_pending: 5, num_ack_pending: 1, delivered: 50 + look, floor });
      await sweep([lane], 1, 7);
      expect(dropped).toHaveLength(look < 5 ? 0 : 1);
    }
  });
});

describe("a lane keeps its consumer", () => {
  test.each<[string, Partial<FakeConsumer>]>([
    ["that is to be given to somebody", { num_pending: 1, floor: 0 }],
    ["that is with somebody, or waits for its time", { num_ack_pending: 1, floor: 0 }],
  ])("where it has a message %s", async (_what, said) => {
    const lane = await createLane("a", 1);
    world.consumers.set("a", { ...DONE, ...said });
    await sweep([lane], 10);
    expect([lane.hasConsumer, dropped]).toEqual([true, []]);
  });

  test("where messages come and go", async () => {
    const lane = await createLane("a", 1);
    for (let place = 1; place < 20; place += 1) {
      world.consumers.set("a", { ...DONE, delivered: place });
      await sweep([lane], 2);
    }
    for (let place = 1; place < 20; place += 1) {
      world.consumers.set("a", { ...DONE, num_pending: 1, floor: 100 });
      putOldest("a", place);
      await sweep([lane], 2);
    }
    world.oldest.delete("a");
    await sweep([lane], 10);
    expect(dropped).toEqual([]);
  });

  test("that is to be made first", async () => {
    const lane = await createLane("a", 1);
    lane.hasConsumer = false;
    await sweep([lane], 10);
    expect(dropped).toEqual([]);
  });
});

test("of many lanes each has its turn", async () => {
  const lanes: Lane[] = [];
  for (let index = 0; index < 20; index += 1) {
    lanes.push(await createLane(`f${index}`, index + 1));
  }
  await sweep(lanes, 2);
  expect(lanes.filter(({ sweptAt }) => sweptAt > 0)).toHaveLength(16);
  // Eight at once, three times each.
  await sweep(lanes, 3);
  expect(dropped).toEqual([]);
  await sweep(lanes, 3);
  expect(new Set(dropped).size).toBe(20);
});
