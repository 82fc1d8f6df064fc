/** The autoscaler's rules: what is decided in every case, and what holds in all of them. */
import { describe, expect, test } from "@jest/globals";
import {
  decide,
  type Decision,
  type Load,
  type ScaleRules,
  type Seen,
} from "../../../../../services/operator/controllers/autoscaler/decide.ts";
import type { ScaleMemory } from "../../../../../services/operator/controllers/autoscaler/scale-memory.ts";

const RULES: ScaleRules = {
  floor: 1,
  min: 1,
  max: 20,
  signals: [{ name: "rps", target: 45, isDemand: true }],
  up: { windowMs: 0 },
  down: { windowMs: 60_000 },
};

const toWhole = (value: number | undefined): Load => ({ value, isWhole: true });

/** A function that is looked at each second; its replicas are what was decided last. */
class Course {
  now = 0;
  replicas = 1;
  rules = RULES;
  #memory: ScaleMemory | undefined;

  look(load: number | undefined | (number | undefined)[], seen: Partial<Seen> = {}): Decision {
    return this.see((Array.isArray(load) ? load : [load]).map(toWhole), seen);
  }

  see(loads: Load[], seen: Partial<Seen> = {}): Decision {
    this.now += 1000;
    const { now, replicas } = this;
    const given = { now, replicas, loads, idleMs: undefined, ...seen };
    const decision = decide(this.#memory, given, this.rules);
    this.#memory = decision.memory;
    this.replicas = decision.replicas;
    return decision;
  }

  /** The same load for so many seconds; the replicas after each of them. */
  hold(load: number | undefined, seconds: number): number[] {
    return Array.from({ length: seconds }, () => this.look(load).replicas);
  }
}

function start(rules: Partial<ScaleRules> = {}, replicas = 1): Course {
  const course = new Course();
  course.rules = { ...RULES, ...rules };
  course.replicas = replicas;
  return course;
}

describe("more replicas", () => {
  test("there are at once, as many as the load needs", () => {
    const course = start();
    expect(course.look(46)).toMatchObject({
      replicas: 2,
      reason: "LoadRose",
      restraint: undefined,
      wanted: { signal: "rps", load: 46, target: 45, replicas: 2 },
    });
    expect(course.look(450).replicas).toBe(10);
  });

  test("there are not for a load that is just met, whatever division makes of it", () => {
    const course = start({ signals: [{ name: "rps", target: 0.1, isDemand: true }] }, 3);
    expect(course.look(0.3)).toMatchObject({ replicas: 3, reason: undefined });
  });

  test("there are up to the maximum, which is said", () => {
    const course = start();
    expect(course.look(45_000)).toMatchObject({ replicas: 20, restraint: "Maximum" });
    expect(course.look(45_000)).toMatchObject({
      replicas: 20,
      reason: undefined,
      restraint: "Maximum",
    });
  });

  test("there are only when all of a window wants them", () => {
    const course = start({ up: { windowMs: 3000 } });
    expect(course.hold(450, 3)).toEqual([1, 1, 1]);
    expect(course.look(90).replicas).toBe(2);
    expect(course.hold(450, 3)).toEqual([2, 2, 2]);
    expect(course.look(450).replicas).toBe(10);
  });

  test("there are no more within a period than a step allows", () => {
    const step = { replicas: 2, percent: 50, periodMs: 3000 };
    const course = start({ up: { windowMs: 0, step } });
    expect(course.look(900)).toMatchObject({ replicas: 3, restraint: "Step" });
    expect(course.hold(900, 3)).toEqual([3, 3, 5]);
    expect(course.hold(900, 3)).toEqual([5, 5, 7]);
    expect(course.hold(900, 3)).toEqual([7, 7, 10]);
  });

  test("of a step are a part of those at the begin of the period, whoever took some away", () => {
    const step = { replicas: 1, percent: 100, periodMs: 60_000 };
    const course = start({ up: { windowMs: 0, step } }, 10);
    course.look(450);
    course.replicas = 4;
    expect(course.look(900)).toMatchObject({ replicas: 14, restraint: "Step" });
  });

  test("of which some woke the function, whoever has done it, are no step", () => {
    const step = { replicas: 1, percent: 0, periodMs: 60_000 };
    const course = start({ floor: 0, up: { windowMs: 0, step }, zeroAfterMs: 60_000 }, 0);
    course.look(0, { idleMs: 90_000 });
    course.replicas = 1;
    expect(course.look(450, { idleMs: 0 })).toMatchObject({ replicas: 2, restraint: "Step" });
    expect(course.look(450, { idleMs: 0 })).toMatchObject({ replicas: 2, restraint: "Step" });
  });

  test("are those that the highest of several signals wants, though another is unknown", () => {
    const signals = [
      { name: "rps", target: 45, isDemand: true },
      { name: "inflight", target: 1, isDemand: true },
    ];
    const course = start({ signals });
    expect(course.look([90, 5])).toMatchObject({ replicas: 5, wanted: { signal: "inflight" } });
    expect(course.look([undefined, 7])).toMatchObject({ replicas: 7, reason: "LoadRose" });
    expect(course.look([450, undefined])).toMatchObject({ replicas: 10, reason: "LoadRose" });
  });
});

describe("a load of which a part is unknown", () => {
  const part = (value: number): Load[] => [{ value, isWhole: false }];

  test("is at least as much as is known", () => {
    const course = start();
    expect(course.see(part(90))).toMatchObject({ replicas: 2, reason: "LoadRose" });
  });

  test("makes no fewer replicas, nor none", () => {
    const rules = { floor: 0, down: { windowMs: 0 }, zeroAfterMs: 2000 };
    const course = start(rules, 5);
    course.look(225);
    course.look(225);
    expect(course.see(part(0))).toMatchObject({ replicas: 5, restraint: "Unknown" });
    expect(course.see(part(0), { idleMs: 9000 })).toMatchObject({ replicas: 5 });
    expect(course.look(0, { idleMs: 9000 })).toMatchObject({ replicas: 0, reason: "Idle" });
  });
});

describe("fewer replicas", () => {
  test("there are after a window in which fewer were enough, as many as were wanted most", () => {
    const course = start({ down: { windowMs: 5000 } }, 10);
    expect(course.hold(90, 2)).toEqual([10, 10]);
    expect(course.look(180)).toMatchObject({ replicas: 10, restraint: "Window" });
    expect(course.hold(90, 2)).toEqual([10, 10]);
    expect(course.look(90)).toMatchObject({ replicas: 4, reason: "LoadFell" });
    expect(course.hold(90, 3)).toEqual([4, 4, 2]);
  });

  test("there are down to the minimum, and one while the function is awake", () => {
    const now = { windowMs: 0 };
    expect(start({ min: 2, floor: 2, down: now }, 10).look(0)).toMatchObject({
      replicas: 2,
      restraint: "Minimum",
    });
    expect(start({ min: 0, floor: 0, down: now }, 10).look(0).replicas).toBe(1);
  });

  test("there are no fewer within a period than a step allows", () => {
    const step = { replicas: 1, percent: 20, periodMs: 2000 };
    const course = start({ down: { windowMs: 0, step } }, 10);
    expect(course.look(45)).toMatchObject({ replicas: 8, restraint: "Step" });
    expect(course.hold(45, 2)).toEqual([8, 7]);
  });

  test("there are none while a signal is unknown, nor until the window is known again", () => {
    const course = start({ down: { windowMs: 2000 } }, 10);
    expect(course.hold(45, 2)).toEqual([10, 10]);
    expect(course.look(undefined)).toMatchObject({ replicas: 10, restraint: "Unknown" });
    expect(course.hold(45, 3)).toEqual([10, 10, 1]);
  });

  test("there are none where nobody has looked for a while", () => {
    const course = start({ down: { windowMs: 2000 } }, 10);
    course.hold(45, 2);
    course.now += 60_000;
    expect(course.hold(45, 3)).toEqual([10, 10, 1]);
  });
});

describe("the limits", () => {
  test("hold at once, whatever the windows, the steps and the load", () => {
    const step = { replicas: 1, percent: 0, periodMs: 60_000 };
    const slow = { windowMs: 60_000, step };
    const course = start({ up: slow, down: slow }, 5);
    course.rules = { ...course.rules, min: 8, floor: 8 };
    expect(course.look(0)).toMatchObject({ replicas: 8, reason: "BelowMinimum" });
    course.rules = { ...course.rules, min: 1, floor: 1, max: 3 };
    expect(course.look(4500)).toMatchObject({ replicas: 3, reason: "AboveMaximum" });
  });

  test("hold where somebody has scaled by hand", () => {
    const course = start({ min: 2, floor: 2 });
    expect(course.look(0, { replicas: 0 })).toMatchObject({ replicas: 2, reason: "BelowMinimum" });
    expect(course.look(0, { replicas: 50 })).toMatchObject({
      replicas: 20,
      reason: "AboveMaximum",
    });
  });
});

describe("no replica", () => {
  const zero = { floor: 0, min: 2, zeroAfterMs: 30_000 };

  /** It has been there for longer than the idle time. */
  function startLongAgo(rules: Partial<ScaleRules> = zero, replicas = 7): Course {
    const course = start(rules, replicas);
    Array.from({ length: 40 }, () => course.look(0, { replicas, idleMs: 0 }));
    course.replicas = replicas;
    return course;
  }

  test("there is after the idle time, at once and from any number", () => {
    const course = startLongAgo();
    expect(course.look(0, { idleMs: 29_999, replicas: 7 }).replicas).not.toBe(0);
    expect(course.look(0, { idleMs: 30_000 })).toMatchObject({ replicas: 0, reason: "Idle" });
    expect(course.look(0, { idleMs: 31_000 })).toMatchObject({ replicas: 0, reason: undefined });
  });

  test("there is not yet where the first one came a moment ago, as nobody has had the time", () => {
    const course = start(zero, 2);
    expect(course.look(0, { idleMs: 900_000 }).replicas).toBe(2);
    const looks = Array.from({ length: 30 }, () => course.look(0, { idleMs: 900_000 }).replicas);
    expect(looks).toEqual([...Array<number>(29).fill(2), 0]);
    expect(course.look(0, { idleMs: 900_000 }).replicas).toBe(0);
    course.replicas = 1;
    expect(course.look(0, { idleMs: 900_000 }).replicas).toBe(2);
  });

  test("there is not while there is, or may be, something to do", () => {
    const signals = [
      { name: "cpu", target: 450, isDemand: false },
      { name: "lag", target: 10, isDemand: true },
    ];
    const idle = { idleMs: 90_000 };
    const course = startLongAgo({ ...zero, signals }, 2);
    expect(course.look([5, 1], idle).replicas).toBe(2);
    expect(course.look([5, undefined], idle).replicas).toBe(2);
    expect(course.look([5, 0], idle)).toMatchObject({ replicas: 0, reason: "Idle" });
    // What its last pod used is measured still.
    expect(course.look([400, 0], idle).replicas).toBe(0);
    expect(course.look([undefined, 31], idle)).toMatchObject({ replicas: 4, reason: "Called" });
  });

  test("there is never while nobody knows for how long it has been idle", () => {
    const course = start(zero, 2);
    course.hold(0, 100);
    expect(course.replicas).toBe(2);
  });

  test("there is never while there shall be one whatever happens", () => {
    const course = start({ ...zero, floor: 1 }, 2);
    expect(course.look(0, { idleMs: 90_000 }).replicas).toBe(2);
    expect(course.look(0, { idleMs: 91_000, replicas: 0 }).replicas).toBe(2);
  });

  test("becomes as many as are wanted with the first call", () => {
    const course = start(zero, 0);
    expect(course.look(0, { idleMs: 60_000 }).replicas).toBe(0);
    expect(course.look(0, { idleMs: 0 })).toMatchObject({ replicas: 2, reason: "Called" });
    expect(start(zero, 0).look(450, { idleMs: 0 }).replicas).toBe(10);
  });
});
