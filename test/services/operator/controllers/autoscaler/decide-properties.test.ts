/** The autoscaler's rules: what holds whatever is seen. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decide,
  type Decision,
  type Load,
  type ScaleRules,
  type Seen,
} from "../../../../../services/operator/controllers/autoscaler/decide.ts";
import type { ScaleMemory } from "../../../../../services/operator/controllers/autoscaler/scale-memory.ts";

const direction = fc.record({
  windowMs: fc.constantFrom(0, 1000, 5000, 30_000),
  step: fc.option(
    fc.record({
      replicas: fc.integer({ min: 0, max: 4 }),
      percent: fc.integer({ min: 0, max: 100 }),
      periodMs: fc.constantFrom(1000, 5000, 20_000),
    }),
    { nil: undefined },
  ),
});

const ruleset: fc.Arbitrary<ScaleRules> = fc
  .record({
    limits: fc.tuple(
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 0, max: 5 }),
      fc.integer({ min: 1, max: 30 }),
    ),
    signals: fc.array(
      fc.record({
        name: fc.constant("s"),
        target: fc.integer({ min: 1, max: 9 }),
        isDemand: fc.boolean(),
      }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    up: direction,
    down: direction,
    zeroAfterMs: fc.option(fc.constantFrom(5000, 60_000), { nil: undefined }),
  })
  .map(({ limits: [floor, more, most], ...others }) => {
    const min = floor + more;
    return { floor, min, max: min + most, ...others };
  });

const look = fc.record({
  afterMs: fc.constantFrom(0, 500, 1000, 1000, 1000, 4000, 20_000),
  loads: fc.array(
    fc.record({
      value: fc.option(fc.double({ min: 0, max: 300, noNaN: true }), { nil: undefined, freq: 9 }),
      isWhole: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
    }),
    {
      minLength: 3,
      maxLength: 3,
    },
  ),
  idleMs: fc.option(fc.constantFrom(0, 1000, 5000, 90_000), { nil: undefined, freq: 4 }),
  byHand: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 1, nil: undefined }),
});

interface Looked {
  seen: Seen;
  decision: Decision;
}

function play(
  rules: ScaleRules,
  looks: readonly {
    afterMs: number;
    loads: Load[];
    idleMs: number | undefined;
    byHand: number | undefined;
  }[],
): Looked[] {
  let memory: ScaleMemory | undefined;
  let [now, replicas] = [0, 1];
  return looks.map(({ afterMs, loads, idleMs, byHand }) => {
    now += afterMs;
    replicas = byHand ?? replicas;
    const seen = { now, replicas, loads: loads.slice(0, rules.signals.length), idleMs };
    const decision = decide(memory, seen, rules);
    ({ memory, replicas } = decision);
    return { seen, decision };
  });
}

function everyLook(
  holds: (looked: Looked, before: readonly Looked[], rules: ScaleRules) => boolean,
): void {
  fc.assert(
    fc.property(ruleset, fc.array(look, { minLength: 1, maxLength: 60 }), (rules, looks) => {
      const course = play(rules, looks);
      return course.every((looked, index) => holds(looked, course.slice(0, index), rules));
    }),
  );
}

const wantedOf = ({ seen }: Looked, rules: ScaleRules): number[] =>
  seen.loads.flatMap(({ value }, index) =>
    value === undefined ? [] : [Math.ceil(value / (rules.signals[index]?.target ?? 1) - 1e-9)],
  );

describe("whatever happens", () => {
  test("the limits hold", () => {
    everyLook(
      ({ decision: { replicas }, seen: { idleMs } }, _before, { floor, min, max, zeroAfterMs }) =>
        replicas === 0
          ? floor === 0 && (zeroAfterMs === undefined || idleMs !== 0)
          : replicas <= max && replicas >= floor && (replicas >= min || idleMs !== 0),
    );
  });

  test("there are never fewer while a signal is unknown, but for limits and idleness", () => {
    everyLook(({ decision, seen }) =>
      seen.loads.some(({ value, isWhole }) => value === undefined || !isWhole) &&
      decision.replicas < seen.replicas
        ? decision.reason === "Idle" || decision.reason === "AboveMaximum"
        : true,
    );
  });

  test("fewer, by the load, are as many as each look of the window wanted", () => {
    everyLook((looked, before, rules) => {
      const { decision, seen } = looked;
      const window = [...before, looked].filter(
        (each) => seen.now - each.seen.now <= rules.down.windowMs,
      );
      return (
        decision.reason !== "LoadFell" ||
        window.every((each) => wantedOf(each, rules).every((count) => count <= decision.replicas))
      );
    });
  });

  test("more, by the load, are no more than each look of the window wanted", () => {
    everyLook((looked, before, rules) => {
      const { decision, seen } = looked;
      const window = [...before, looked].filter(
        (each) => seen.now - each.seen.now <= rules.up.windowMs,
      );
      return (
        decision.reason !== "LoadRose" ||
        window.every((each) => Math.max(0, ...wantedOf(each, rules)) >= decision.replicas)
      );
    });
  });

  test("a change has a reason, and no change has none", () => {
    everyLook(
      ({ decision, seen }) =>
        (decision.replicas === seen.replicas) === (decision.reason === undefined),
    );
  });

  test("a steady load gets what it needs in the end", () => {
    fc.assert(
      fc.property(ruleset, fc.nat(300), (rules, load) => {
        const { replicas } = Array.from({ length: 400 }).reduce<{
          memory?: ScaleMemory;
          replicas: number;
        }>(
          (state, _each, index) =>
            decide(
              state.memory,
              {
                now: index * 5000,
                replicas: state.replicas,
                loads: rules.signals.map(() => ({ value: load, isWhole: true })),
                idleMs: 0,
              },
              rules,
            ),
          { replicas: 1 },
        );
        const wanted = Math.max(...rules.signals.map(({ target }) => Math.ceil(load / target)));
        expect(replicas).toBe(Math.min(rules.max, Math.max(1, rules.min, wanted)));
      }),
    );
  });
});
