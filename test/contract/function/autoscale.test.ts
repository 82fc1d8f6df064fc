/** Who scales a function, and how, with all defaults in. */
import { describe, expect, it } from "@jest/globals";
import { isAutoscaled, readAutoscale } from "../../../contract/index.ts";

const labels = (values: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`com.openfaas.scale.${name}`, value]),
  );

describe("a function is scaled by its load", () => {
  it.each([
    { type: "rps" },
    { target: "5" },
    { "target-proportion": "0.5" },
    { "down.window": "1m" },
    { zero: "true" },
  ])("with the labels %j", (values) => {
    expect(isAutoscaled({ labels: labels(values) })).toBe(true);
  });

  it.each([
    { min: "2", max: "9" },
    { factor: "50" },
    { zero: "false" },
    { "zero-duration": "15m" },
    {},
  ])("and by alerts with %j", (values) => {
    expect(isAutoscaled({ labels: labels(values) })).toBe(false);
    expect(readAutoscale({ labels: labels(values) })).toBeUndefined();
  });

  it("with a scale of its own, be it empty, and by alerts where it says nothing at all", () => {
    expect(isAutoscaled({ scale: {} })).toBe(true);
    expect(isAutoscaled({})).toBe(false);
  });
});

describe("how it is scaled", () => {
  const usual = {
    min: 1,
    max: 20,
    signals: [{ name: "rps", type: "rps", target: 50, aim: 45 }],
    up: { windowMs: 0 },
    down: { windowMs: 60_000 },
    floors: [],
  };

  it("has OpenFaaS' defaults", () => {
    expect(readAutoscale({ scale: {} })).toStrictEqual(usual);
    expect(readAutoscale({ labels: labels({ zero: "true" }) })).toStrictEqual({
      ...usual,
      zeroAfterMs: 900_000,
    });
  });

  it.each([
    ["rps", { name: "rps", type: "rps", target: 50, aim: 45 }],
    ["capacity", { name: "inflight", type: "inflight", target: 50, aim: 45 }],
    ["cpu", { name: "cpu", type: "cpu", target: 500, aim: 450 }],
    ["queue", { name: "queue", type: "queue", target: 10, aim: 9 }],
  ])("has a target for the type %s", (type, signal) => {
    expect(readAutoscale({ labels: labels({ type }) })?.signals).toStrictEqual([signal]);
  });

  it("is what the labels say", () => {
    const said = labels({
      ...{ min: "2", max: "5", type: "capacity", target: "8", "target-proportion": "0.25" },
      ...{ "down.window": "2m", zero: "true", "zero-duration": "30s" },
    });
    expect(readAutoscale({ labels: said })).toStrictEqual({
      ...usual,
      ...{ min: 2, max: 5, down: { windowMs: 120_000 }, zeroAfterMs: 30_000 },
      signals: [{ name: "inflight", type: "inflight", target: 8, aim: 2 }],
    });
  });

  it("is what the scale says, each step with a period", () => {
    const floors = [{ start: "0 7 * * *", end: "0 8 * * *", min: 3 }];
    const scale = {
      signals: [
        { type: "cpu", target: 200, proportion: 1 },
        { type: "prometheus", target: 10, query: "a" },
      ],
      up: { replicas: 4 },
      down: { windowSeconds: 5, percent: 50, periodSeconds: 30 },
      floors,
    };
    expect(readAutoscale({ labels: labels({ "down.window": "1h" }), scale })).toStrictEqual({
      ...usual,
      signals: [
        { name: "cpu", type: "cpu", target: 200, aim: 200 },
        { name: "signals[1]", type: "prometheus", target: 10, aim: 9, query: "a" },
      ],
      up: { windowMs: 0, step: { replicas: 4, percent: 0, periodMs: 60_000 } },
      down: { windowMs: 5000, step: { replicas: 0, percent: 50, periodMs: 30_000 } },
      floors,
    });
  });

  it("takes a label that is wrong, and stored from before, for one that is not set", () => {
    const wrong = labels({
      ...{ type: "memory", target: "many", "target-proportion": "x" },
      ...{ "down.window": "soon", zero: "true", "zero-duration": "soon" },
    });
    expect(readAutoscale({ labels: wrong })).toStrictEqual({ ...usual, zeroAfterMs: 900_000 });
  });
});
