/** How many calls and how many bytes are let in at a time. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Admission, type Admitted } from "../../../../services/gateway/calls/admission.ts";
import type { FunctionState } from "../../../../services/gateway/calls/function-states.ts";
import { runs } from "../../../support/property-runs.ts";

function stateOf(maxInflight: number): FunctionState {
  const counts = { inFlight: 0, waiting: 0, upgraded: 0, heldBytes: 0 };
  return { maxInflight, displayName: "f.fn", ...counts } as FunctionState;
}

const OVERLOADED = {
  status: 503,
  code: "PLONK_OVERLOADED",
  message: "The gateway has too many calls in flight.",
  retryAfterSeconds: 1,
};

const SHARE_USED = {
  status: 503,
  code: "PLONK_OVERLOADED",
  message: "f.fn has too many calls in flight: the rest is kept free for others.",
  retryAfterSeconds: 1,
};

const tooMany = (limit: number): object => ({
  status: 429,
  code: "PLONK_TOO_MANY_CALLS",
  message: `Concurrent request limit exceeded. Max concurrent requests: ${limit}`,
  retryAfterSeconds: 1,
});

describe("calls", () => {
  test("of a function are refused from its limit on, and let in again when one has left", () => {
    const admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(2);
    expect([admission.enter(state), admission.enter(state)]).toEqual([undefined, undefined]);
    expect(admission.enter(state)).toEqual(tooMany(2));
    admission.leave(state);
    expect(admission.enter(state)).toBeUndefined();
    expect([state.inFlight, admission.inFlight]).toEqual([2, 2]);
  });

  test("of all functions together are refused from the gateway's limit on", () => {
    const admission = new Admission({ maxInflight: 2, maxWaiting: 0, maxHeldBytes: 0 });
    const [one, two, three] = [stateOf(0), stateOf(0), stateOf(0)];
    admission.enter(one);
    admission.enter(two);
    expect(admission.enter(three)).toEqual(OVERLOADED);
    admission.leave(one);
    expect(admission.enter(three)).toBeUndefined();
  });

  test("that are refused take no place, neither here nor of their function", () => {
    const admission = new Admission({ maxInflight: 2, maxWaiting: 0, maxHeldBytes: 0 });
    const [busy, idle] = [stateOf(1), stateOf(0)];
    admission.enter(busy);
    admission.enter(busy);
    admission.enter(busy);
    expect([busy.inFlight, admission.inFlight]).toEqual([1, 1]);
    expect(admission.enter(idle)).toBeUndefined();
    admission.enter(idle);
    expect([idle.inFlight, admission.inFlight]).toEqual([1, 2]);
  });

  test("of a busy function hear of the gateway first where both are full", () => {
    const admission = new Admission({ maxInflight: 1, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(1);
    admission.enter(state);
    expect(admission.enter(state)).toEqual(OVERLOADED);
  });

  test("are let in without end where there are no limits", () => {
    const admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(0);
    const answers = Array.from({ length: 5000 }, () => admission.enter(state));
    expect(answers.every((answer) => answer === undefined)).toBe(true);
    expect(admission.inFlight).toBe(5000);
  });

  test("heed a limit that has become lower meanwhile", () => {
    const admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(5);
    for (let call = 0; call < 4; call++) {
      admission.enter(state);
    }
    state.maxInflight = 2;
    expect(admission.enter(state)).toEqual(tooMany(2));
    admission.leave(state);
    admission.leave(state);
    expect(admission.enter(state)).toEqual(tooMany(2));
    admission.leave(state);
    expect(admission.enter(state)).toBeUndefined();
  });

  test("never exceed a limit, and never are refused within all, in whatever order they come", () => {
    const step = fc.record({ isEntry: fc.boolean(), of: fc.nat(2) });
    const limit = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), limit, limit, (steps, whole, own) => {
        const admission = new Admission({ maxInflight: whole, maxWaiting: 0, maxHeldBytes: 0 });
        const states = [stateOf(own), stateOf(own), stateOf(own)];
        const model = [0, 0, 0];
        for (const { isEntry, of } of steps) {
          const state = states[of] ?? stateOf(0);
          const sum = model.reduce((total, count) => total + count, 0);
          const count = model[of] ?? 0;
          if (isEntry) {
            const mayEnter = sum < whole && count < own && count + 1 <= 3 * (whole - sum);
            expect(admission.enter(state) === undefined).toBe(mayEnter);
            model[of] = mayEnter ? count + 1 : count;
          } else if (count > 0) {
            admission.leave(state);
            model[of] = count - 1;
          }
        }
        expect(states.map(({ inFlight }) => inFlight)).toEqual(model);
        expect(admission.inFlight).toBe(model.reduce((total, count) => total + count, 0));
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("a function that takes all it gets", () => {
  /** How many are let in, one after the other, until the first refusal. */
  function fill(admission: Admission, state: FunctionState, kind?: Admitted): number {
    let count = 0;
    while (admission.enter(state, kind) === undefined) {
      count += 1;
    }
    return count;
  }

  test("leaves a quarter of all places free, of which the next one leaves some as well", () => {
    const admission = new Admission({ maxInflight: 1000, maxWaiting: 0, maxHeldBytes: 0 });
    const first = stateOf(0);
    expect(fill(admission, first)).toBe(750);
    const others = Array.from({ length: 3 }, () => fill(admission, stateOf(0)));
    expect(others.every((count) => count > 0)).toBe(true);
    expect(admission.enter(first)).toEqual(SHARE_USED);
    expect(admission.enter(stateOf(0))).toBeUndefined();
  });

  test("does so with a limit of its own, too", () => {
    const admission = new Admission({ maxInflight: 100, maxWaiting: 0, maxHeldBytes: 0 });
    expect(fill(admission, stateOf(99))).toBe(75);
  });

  test("has its upgraded connections counted apart, and with its calls by its own limit", () => {
    const admission = new Admission({ maxInflight: 100, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(0);
    expect([fill(admission, state, "upgraded"), fill(admission, state)]).toEqual([75, 75]);
    const [limited, other] = [stateOf(3), stateOf(0)];
    admission.enter(limited, "upgraded");
    admission.enter(limited);
    admission.enter(limited, "upgraded");
    expect(admission.enter(limited)).toEqual(tooMany(3));
    expect(admission.enter(limited, "upgraded")).toEqual(tooMany(3));
    admission.leave(limited, "upgraded");
    expect([admission.enter(limited), admission.enter(other)]).toEqual([undefined, undefined]);
  });
});

describe("calls that wait for a pod", () => {
  const waitingFull = (message: string): object => ({
    status: 503,
    code: "PLONK_QUEUE_FULL",
    message,
    retryAfterSeconds: 2,
  });

  /** How many calls of a function wait, one after the other, until the first refusal. */
  function fill(admission: Admission, state: FunctionState): number {
    let count = 0;
    while (
      admission.enter(state) === undefined &&
      admission.wait(state, "inFlight") === undefined
    ) {
      count += 1;
    }
    return count;
  }

  test("leave their places to others, and have a number of their own", () => {
    const admission = new Admission({ maxInflight: 4, maxWaiting: 100, maxHeldBytes: 0 });
    const [broken, other] = [stateOf(0), stateOf(0)];
    expect(fill(admission, broken)).toBe(75);
    // The one that was refused is still there to be answered.
    admission.leave(broken);
    expect([broken.waiting, broken.inFlight, admission.waiting]).toEqual([75, 0, 75]);
    for (let call = 0; call < 3; call++) {
      expect(admission.enter(other)).toBeUndefined();
    }
    expect(admission.inFlight).toBe(3);
  });

  test("of one function leave a quarter of all places free, and of all fill it", () => {
    const admission = new Admission({ maxInflight: 0, maxWaiting: 4, maxHeldBytes: 0 });
    const [first, second] = [stateOf(0), stateOf(0)];
    expect(fill(admission, first)).toBe(3);
    expect(admission.wait(first, "inFlight")).toEqual(
      waitingFull("Too many calls wait for f.fn to start: the rest is kept free for others."),
    );
    expect(fill(admission, second)).toBe(1);
    expect(admission.wait(second, "inFlight")).toEqual(
      waitingFull("Too many calls wait for functions to start."),
    );
  });

  test("are as many as come where there is no limit", () => {
    const admission = new Admission({ maxInflight: 1, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(0);
    for (let call = 0; call < 5000; call++) {
      expect([admission.enter(state), admission.wait(state, "inFlight")]).toEqual([
        ...[undefined, undefined],
      ]);
    }
    expect(admission.waiting).toBe(5000);
  });

  test("count for their function's own limit, upgrades among them", () => {
    const admission = new Admission({ maxInflight: 0, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(2);
    admission.enter(state);
    admission.wait(state, "inFlight");
    admission.enter(state, "upgraded");
    admission.wait(state, "upgraded");
    expect([admission.enter(state), admission.enter(state, "upgraded")]).toEqual([
      ...[tooMany(2), tooMany(2)],
    ]);
    admission.leave(state, "waiting");
    expect(admission.enter(state)).toBeUndefined();
  });

  test("go on as there are places, by the shares of those that come", () => {
    const admission = new Admission({ maxInflight: 4, maxWaiting: 0, maxHeldBytes: 0 });
    const state = stateOf(0);
    for (let call = 0; call < 6; call++) {
      admission.enter(state);
      admission.wait(state, "inFlight");
    }
    const go = (): boolean => admission.goOn(state, "inFlight");
    expect([go(), go(), go(), go()]).toEqual([true, true, true, false]);
    expect([state.inFlight, state.waiting, admission.inFlight]).toEqual([3, 3, 3]);
    admission.leave(state);
    expect([go(), go()]).toEqual([true, false]);
    expect(admission.goOn(state, "upgraded")).toBe(true);
    expect([admission.upgraded, admission.waiting]).toEqual([1, 1]);
  });
});

describe("bodies in memory", () => {
  const create = (): Admission =>
    new Admission({ maxInflight: 1, maxWaiting: 0, maxHeldBytes: 100 });
  const one = (): FunctionState => stateOf(0);

  test("may fill the room to the last byte, and not one byte more", () => {
    const admission = create();
    expect(admission.hold(one(), 60)).toBeUndefined();
    expect(admission.hold(one(), 41)).toEqual(OVERLOADED);
    expect(admission.hold(one(), 40)).toBeUndefined();
    expect(admission.hold(one(), 1)).toEqual(OVERLOADED);
    expect(admission.hold(one(), 0)).toBeUndefined();
  });

  test("take no room when they are refused, and give it back when they are released", () => {
    const admission = create();
    const state = one();
    expect(admission.hold(state, 101)).toEqual(OVERLOADED);
    expect(admission.hold(state, 100)).toBeUndefined();
    admission.release(state, 30);
    expect(admission.hold(state, 31)).toEqual(OVERLOADED);
    expect(admission.hold(one(), 30)).toBeUndefined();
  });

  test("of one function leave some room for those of others", () => {
    const admission = create();
    const state = one();
    expect(admission.hold(state, 50)).toBeUndefined();
    expect(admission.hold(state, 25)).toBeUndefined();
    expect(admission.hold(state, 1)).toEqual(SHARE_USED);
    expect(admission.hold(one(), 20)).toBeUndefined();
    admission.release(state, 75);
    expect(admission.hold(state, 70)).toBeUndefined();
  });

  test("are counted apart from calls", () => {
    const admission = create();
    admission.hold(one(), 100);
    expect(admission.enter(stateOf(0))).toBeUndefined();
    expect(admission.inFlight).toBe(1);
  });
});
