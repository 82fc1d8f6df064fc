/** How many queue-workers there shall be, whatever happens. */
import "../../../support/property-runs.ts";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decideWorkers,
  type QueueFacts,
  type ScaleMemory,
  type WorkerRules,
} from "../../../../services/gateway/calls/worker-scale.ts";
import { NOTHING } from "../../../support/queue-facts.ts";

const RULES: WorkerRules = {
  min: 0,
  max: 4,
  callsPerWorker: 100,
  maxWaitMs: 30_000,
  quietMs: 60_000,
};

/** A gateway that decides each second, and workers that are as many as it says. */
class World {
  now = 0;
  workers: number;
  /** Numbers of workers as they changed, with their seconds. */
  readonly changes: [second: number, workers: number][] = [];
  #memory: ScaleMemory | undefined;
  readonly #rules: WorkerRules;

  constructor(workers: number, rules: Partial<WorkerRules> = {}) {
    this.workers = workers;
    this.#rules = { ...RULES, ...rules };
  }

  step(facts: Partial<QueueFacts>): number {
    const seen = { now: this.now, workers: this.workers, facts: { ...NOTHING, ...facts } };
    const { workers, memory } = decideWorkers(this.#memory, seen, this.#rules);
    this.#memory = memory;
    if (workers !== this.workers) {
      this.changes.push([this.now / 1000, workers]);
    }
    this.workers = workers;
    this.now += 1000;
    return workers;
  }

  run(seconds: number, facts: (workers: number, second: number) => Partial<QueueFacts>): void {
    for (let left = seconds; left > 0; left--) {
      this.step(facts(this.workers, this.now / 1000));
    }
  }

  /** Nothing is known of before, as in a gateway that starts. */
  forget(): void {
    this.#memory = undefined;
  }
}

describe("more workers", () => {
  test.each([
    [{ waiting: 1, dueInMs: 0 }, 1],
    [{ waiting: 100, dueInMs: 0 }, 1],
    [{ waiting: 101, dueInMs: 0 }, 2],
    [{ waiting: 150, running: 100, dueInMs: 0 }, 3],
    [{ waiting: 1_000_000, dueInMs: 0 }, 4],
    [{ dueInMs: 2000 }, 1],
    [{ dueInMs: 2001 }, 0],
  ])("come at once: %p", (facts, expected) => {
    expect(new World(0).step(facts)).toBe(expected);
  });

  test("come for a call that waits too long, one after the other", () => {
    const world = new World(1);
    world.run(100, () => ({ waiting: 20, running: 10, oldestWaitMs: 31_000, dueInMs: 0 }));
    expect(world.changes).toEqual([
      [0, 2],
      [31, 3],
      [62, 4],
    ]);
  });

  test("come at once also when nothing is known of before", () => {
    const world = new World(1);
    world.step({});
    world.forget();
    expect(world.step({ waiting: 400, dueInMs: 0 })).toBe(4);
  });
});

describe("fewer workers", () => {
  test("come one after the other, after a quiet time each", () => {
    const world = new World(4);
    world.run(400, () => ({}));
    expect(world.changes).toEqual([
      [60, 3],
      [121, 2],
      [182, 1],
      [243, 0],
    ]);
  });

  test("wait a quiet time from the last moment in which more were wanted", () => {
    const world = new World(2);
    world.run(200, (_, second) => ({ waiting: second < 100 ? 150 : 0, dueInMs: 0 }));
    expect(world.changes).toEqual([[160, 1]]);
  });

  test("wait in a gateway that has just started", () => {
    const world = new World(1);
    world.run(59, () => ({}));
    world.forget();
    world.run(60, () => ({}));
    expect(world.changes).toEqual([]);
    world.step({});
    expect(world.workers).toBe(0);
  });

  test("wait while a run lasts that could outlast the end of its worker", () => {
    const world = new World(2);
    const busy = { running: 1, dueInMs: 0 };
    world.run(200, (_, second) => ({ ...busy, longestRunMs: second * 1000 + 60_000 }));
    expect(world.changes).toEqual([]);
    world.run(1, () => ({ ...busy, longestRunMs: 10 }));
    expect(world.workers).toBe(1);
  });

  test("are none while a call is due within the quiet time", () => {
    const world = new World(1);
    world.run(300, (_, second) => ({ dueInMs: Math.max(0, 400 - second) * 1000 }));
    expect(world.changes).toEqual([[60, 0]]);
    world.run(200, (_, second) => ({ dueInMs: Math.max(0, 400 - second) * 1000 }));
    expect(world.changes).toEqual([
      [60, 0],
      [398, 1],
    ]);
  });

  test("wait longer when one that went was soon missed, and not for ever", () => {
    const world = new World(2);
    // Two keep the wait short, one does not.
    world.run(7200, (workers) => ({
      waiting: 20,
      running: 20,
      oldestWaitMs: workers > 1 ? 1000 : 31_000,
      dueInMs: 0,
    }));
    const lowered = world.changes.filter(([, workers]) => workers === 1).map(([at]) => at);
    const waits = lowered.slice(1).map((at, index) => at - (lowered[index] ?? 0));
    expect(waits.slice(0, 4)).toEqual([122, 242, 482, 482]);
    expect(Math.max(...waits)).toBe(482);
  });
});

const facts: fc.Arbitrary<QueueFacts> = fc.record({
  waiting: fc.oneof(fc.constant(0), fc.nat(1000)),
  running: fc.oneof(fc.constant(0), fc.nat(400)),
  longestRunMs: fc.oneof(fc.constant(0), fc.nat(200_000)),
  oldestWaitMs: fc.oneof(fc.constant(0), fc.nat(100_000)),
  dueInMs: fc.oneof(fc.constant(Infinity), fc.constant(0), fc.nat(600_000)),
});

const rules: fc.Arbitrary<WorkerRules> = fc
  .record({
    min: fc.nat(3),
    more: fc.nat(5),
    callsPerWorker: fc.integer({ min: 1, max: 200 }),
    maxWaitMs: fc.integer({ min: 1000, max: 60_000 }),
    quietMs: fc.integer({ min: 1000, max: 120_000 }),
  })
  .map(({ min, more, ...rest }) => ({ min, max: Math.max(1, min + more), ...rest }));

/** Facts of a time, each for a number of seconds. */
const times = fc.array(fc.tuple(facts, fc.integer({ min: 1, max: 200 })), { maxLength: 8 });

/** A world in which something has happened already, and its rules. */
const worlds = fc.tuple(rules, fc.nat(12), times).map(([limits, workers, before]) => ({
  limits,
  create: (): World => {
    const world = new World(workers, limits);
    before.forEach(([each, seconds]) => world.run(seconds, () => each));
    return world;
  },
}));

describe("whatever the queue has", () => {
  test("there are never fewer than the fewest, nor more than the most", () => {
    fc.assert(
      fc.property(rules, fc.nat(12), times, (limits, workers, all) => {
        const world = new World(workers, limits);
        for (const [seen, seconds] of all) {
          world.run(seconds, () => seen);
          expect(world.workers).toBeGreaterThanOrEqual(limits.min);
          expect(world.workers).toBeLessThanOrEqual(limits.max);
        }
        expect(world.changes.slice(1).every(([, to]) => to >= limits.min && to <= limits.max)).toBe(
          true,
        );
      }),
    );
  });

  test("there is a worker at once while something is due, waits or runs", () => {
    fc.assert(
      fc.property(worlds, facts, ({ create }, seen) => {
        const world = create();
        fc.pre(seen.dueInMs === 0 || seen.waiting > 0 || seen.running > 0);
        const from = world.changes.length;
        world.run(500, () => seen);
        expect(world.workers).toBeGreaterThan(0);
        expect(world.changes.slice(from).every(([, to]) => to > 0)).toBe(true);
      }),
    );
  });

  test("there are as many as the depth asks for, at once and for as long", () => {
    fc.assert(
      fc.property(worlds, facts, ({ limits, create }, seen) => {
        const world = create();
        const asked = Math.ceil((seen.waiting + seen.running) / limits.callsPerWorker);
        const numbers = Array.from({ length: 300 }, () => world.step(seen));
        expect(Math.min(...numbers)).toBeGreaterThanOrEqual(Math.min(limits.max, asked));
      }),
    );
  });

  test("a constant load ends in a constant number", () => {
    fc.assert(
      fc.property(worlds, facts, ({ limits, create }, seen) => {
        const world = create();
        const from = world.changes.length;
        world.run(2000, () => seen);
        const numbers = world.changes.slice(from).map(([, to]) => to);
        const [first = 0] = numbers;
        // It goes one way only, or up once and from there down.
        const turns = numbers.filter(
          (to, index) =>
            index > 1 &&
            Math.sign(to - (numbers[index - 1] ?? 0)) !==
              Math.sign((numbers[index - 1] ?? 0) - (numbers[index - 2] ?? 0)),
        );
        expect(turns).toEqual([]);
        expect(numbers.length).toBeLessThanOrEqual(Math.max(first, 12, limits.max) + 1);
      }),
    );
  });

  test("a load that a number of workers just bears changes them seldom", () => {
    fc.assert(
      fc.property(rules, fc.integer({ min: 1, max: 8 }), (limits, enough) => {
        fc.pre(limits.quietMs >= 10_000 && enough <= limits.max);
        const world = new World(1, limits);
        const load = { waiting: 1, running: 1, dueInMs: 0 };
        const toWait = (workers: number): number =>
          workers >= enough ? 0 : limits.maxWaitMs + 1000;
        world.run(600, (workers) => ({ ...load, oldestWaitMs: toWait(workers) }));
        const settled = world.changes.length;
        const seconds = 7200;
        world.run(seconds, (workers) => ({ ...load, oldestWaitMs: toWait(workers) }));
        const period = (8 * limits.quietMs) / 1000;
        expect(world.changes.length - settled).toBeLessThanOrEqual(8 + (2 * seconds) / period);
      }),
    );
  });

  test("a gateway that starts anew takes none away before the quiet time", () => {
    fc.assert(
      fc.property(rules, fc.nat(8), facts, (limits, workers, seen) => {
        const there = Math.min(limits.max, Math.max(limits.min, workers));
        const world = new World(there, limits);
        world.run(Math.floor(limits.quietMs / 1000), () => seen);
        expect(world.workers).toBeGreaterThanOrEqual(there);
      }),
    );
  });
});
