/** How many calls and how many bytes are let in at a time. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Admission } from "../../../../services/gateway/calls/admission.ts";
import type { FunctionState } from "../../../../services/gateway/calls/function-states.ts";
import { runs } from "../../../support/property-runs.ts";

function stateOf(maxInflight: number): FunctionState {
  return { maxInflight, inFlight: 0 } as FunctionState;
}

const OVERLOADED = {
  status: 503,
  code: "PLONK_OVERLOADED",
  message: "The gateway has too many calls in flight.",
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
    const admission = new Admission({ maxInflight: 0, maxHeldBytes: 0 });
    const state = stateOf(2);
    expect([admission.enter(state), admission.enter(state)]).toEqual([undefined, undefined]);
    expect(admission.enter(state)).toEqual(tooMany(2));
    admission.leave(state);
    expect(admission.enter(state)).toBeUndefined();
    expect([state.inFlight, admission.inFlight]).toEqual([2, 2]);
  });

  test("of all functions together are refused from the gateway's limit on", () => {
    const admission = new Admission({ maxInflight: 2, maxHeldBytes: 0 });
    const [one, two, three] = [stateOf(0), stateOf(0), stateOf(0)];
    admission.enter(one);
    admission.enter(two);
    expect(admission.enter(three)).toEqual(OVERLOADED);
    admission.leave(one);
    expect(admission.enter(three)).toBeUndefined();
  });

  test("that are refused take no place, neither here nor of their function", () => {
    const admission = new Admission({ maxInflight: 2, maxHeldBytes: 0 });
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
    const admission = new Admission({ maxInflight: 1, maxHeldBytes: 0 });
    const state = stateOf(1);
    admission.enter(state);
    expect(admission.enter(state)).toEqual(OVERLOADED);
  });

  test("are let in without end where there are no limits", () => {
    const admission = new Admission({ maxInflight: 0, maxHeldBytes: 0 });
    const state = stateOf(0);
    const answers = Array.from({ length: 5000 }, () => admission.enter(state));
    expect(answers.every((answer) => answer === undefined)).toBe(true);
    expect(admission.inFlight).toBe(5000);
  });

  test("heed a limit that has become lower meanwhile", () => {
    const admission = new Admission({ maxInflight: 0, maxHeldBytes: 0 });
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

  test("never exceed a limit, and never are refused below both, in whatever order they come", () => {
    const step = fc.record({ isEntry: fc.boolean(), of: fc.nat(2) });
    const limit = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), limit, limit, (steps, whole, own) => {
        const admission = new Admission({ maxInflight: whole, maxHeldBytes: 0 });
        const states = [stateOf(own), stateOf(own), stateOf(own)];
        const model = [0, 0, 0];
        for (const { isEntry, of } of steps) {
          const state = states[of] ?? stateOf(0);
          const sum = model.reduce((total, count) => total + count, 0);
          const count = model[of] ?? 0;
          if (isEntry) {
            const mayEnter = sum < whole && count < own;
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

describe("bodies in memory", () => {
  const create = (): Admission => new Admission({ maxInflight: 1, maxHeldBytes: 100 });

  test("may fill the room to the last byte, and not one byte more", () => {
    const admission = create();
    expect(admission.hold(60)).toBeUndefined();
    expect(admission.hold(41)).toEqual(OVERLOADED);
    expect(admission.hold(40)).toBeUndefined();
    expect(admission.hold(1)).toEqual(OVERLOADED);
    expect(admission.hold(0)).toBeUndefined();
  });

  test("take no room when they are refused, and give it back when they are released", () => {
    const admission = create();
    expect(admission.hold(101)).toEqual(OVERLOADED);
    expect(admission.hold(100)).toBeUndefined();
    admission.release(30);
    expect(admission.hold(31)).toEqual(OVERLOADED);
    expect(admission.hold(30)).toBeUndefined();
  });

  test("are counted apart from calls", () => {
    const admission = create();
    admission.hold(100);
    expect(admission.enter(stateOf(0))).toBeUndefined();
    expect(admission.inFlight).toBe(1);
  });
});
