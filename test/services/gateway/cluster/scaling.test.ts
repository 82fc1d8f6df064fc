/** Replicas: labels, desired count, alerts. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type FunctionResource, scaleLimits } from "../../../../contract/index.ts";
import {
  desiredReplicas,
  replicasWhenFiring,
  replicasWhenResolved,
} from "../../../../services/gateway/cluster/scaling.ts";

function resource(labels: Record<string, string>, replicas?: number, inStatus?: number) {
  return {
    apiVersion: "openfaas.com/v1",
    kind: "Function",
    metadata: { name: "f", namespace: "n" },
    spec: { name: "f", image: "i", labels, ...(replicas !== undefined && { replicas }) },
    ...(inStatus !== undefined && { status: { replicas: inStatus } }),
  } satisfies FunctionResource;
}

const label = (name: string): string => `com.openfaas.scale.${name}`;

describe("scaleLimits", () => {
  test.each([
    ["nothing", {}, { min: 1, max: 20, factorPercent: 20 }],
    [
      "all three",
      { [label("min")]: "2", [label("max")]: "8", [label("factor")]: "50" },
      { min: 2, max: 8, factorPercent: 50 },
    ],
    ["min above max", { [label("min")]: "30" }, { min: 30, max: 30, factorPercent: 20 }],
    ["factor above 100", { [label("factor")]: "500" }, { min: 1, max: 20, factorPercent: 100 }],
    ["factor 0", { [label("factor")]: "0" }, { min: 1, max: 20, factorPercent: 0 }],
    ["no numbers", { [label("max")]: "many", [label("min")]: "-1" }, { min: 1, max: 20 }],
    ["more than the limit", { [label("max")]: "99999" }, { max: 1000 }],
  ])("with %s", (_what, labels, limits) => {
    expect(scaleLimits(resource(labels))).toMatchObject(limits);
  });
});

describe("desiredReplicas", () => {
  test("is what was asked for, else what there is, else the minimum", () => {
    expect(desiredReplicas(resource({}, 0, 5))).toBe(0);
    expect(desiredReplicas(resource({}, undefined, 5))).toBe(5);
    expect(desiredReplicas(resource({ [label("min")]: "3" }))).toBe(3);
  });
});

describe("replicasWhenFiring", () => {
  test("grows by the share of the maximum, up to it", () => {
    const limits = { min: 1, max: 20, factorPercent: 20 };
    const steps = [1];
    while (steps.length < 7) {
      steps.push(replicasWhenFiring(steps.at(-1) ?? 0, limits));
    }
    expect(steps).toEqual([1, 5, 9, 13, 17, 20, 20]);
  });

  test("rounds a step up, so that a small function grows at all", () => {
    expect(replicasWhenFiring(1, { min: 1, max: 3, factorPercent: 10 })).toBe(2);
  });

  test("lets a function without pods be", () => {
    expect(replicasWhenFiring(0, { min: 1, max: 20, factorPercent: 20 })).toBe(0);
  });

  test("never takes replicas away and never exceeds the maximum by itself", () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 100 }),
        (current, max, factorPercent) => {
          const next = replicasWhenFiring(current, { min: 1, max, factorPercent });
          expect(next).toBeGreaterThanOrEqual(current);
          expect(next).toBeLessThanOrEqual(Math.max(current, max));
        },
      ),
    );
  });
});

describe("replicasWhenResolved", () => {
  test.each([
    { what: "the minimum", current: 9, min: 3, expected: 3 },
    { what: "one, as its end does not mean no load", current: 9, min: 0, expected: 1 },
    { what: "one still", current: 1, min: 0, expected: 1 },
    { what: "none still, as it is idle", current: 0, min: 0, expected: 0 },
    { what: "none still, whatever the minimum", current: 0, min: 2, expected: 0 },
  ])("is $what", ({ current, min, expected }) => {
    const limits = { min, max: 20, factorPercent: 20 };
    expect(replicasWhenResolved(current, limits)).toBe(expected);
  });
});
