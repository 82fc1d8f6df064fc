/** The program's fields as the cluster has them. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  importInputs,
  parseQuantity,
  projectInputs,
  withLiveValues,
} from "../../../../toolchain/plugins/kubernetes/live.ts";
import { Secret, type Bag } from "../../../../toolchain/plugins/lib/values.ts";

describe("projectInputs", () => {
  it.each<[string, Bag, Bag]>([
    ["what the server adds", { a: { b: 1 } }, { a: { b: 1, c: 2 }, d: 3 }],
    [
      "quantities in another form",
      { cpu: "1000m", memory: "0.5Gi", n: 1 },
      { cpu: "1", memory: "512Mi", n: "1" },
    ],
    ["what is empty and left out", { a: "", b: [], c: { d: {} }, e: false, f: null, g: 0 }, {}],
    [
      "items that others added to a keyed list",
      { l: [{ name: "a", v: 1 }] },
      { l: [{ name: "z" }, { name: "a", v: 1, w: 2 }] },
    ],
    [
      "a field named __proto__",
      JSON.parse('{"a": {"__proto__": [1], "b": 2}}') as Bag,
      JSON.parse('{"a": {"__proto__": [1], "b": 2, "c": 3}}') as Bag,
    ],
    ["a secret that has not changed", { a: new Secret("x") }, { a: "x" }],
    ["text of a Secret", { stringData: new Secret({ a: "text" }) }, { data: { a: "dGV4dA==" } }],
  ])("leaves the inputs alone: %s", (_, inputs, live) => {
    expect(projectInputs(inputs, live)).toEqual(inputs);
  });

  it.each<[string, Bag, Bag, Bag]>([
    ["a value", { a: 1, b: "x" }, { a: 2, b: "x" }, { a: 2, b: "x" }],
    ["a field that is gone", { a: 1, b: 2 }, { a: 1 }, { a: 1 }],
    ["a field named as one of all objects", { a: { constructor: "x" } }, { a: {} }, { a: {} }],
    ["a list of values", { args: ["a", "b"] }, { args: ["a"] }, { args: ["a"] }],
    [
      "an item that is gone",
      { l: [{ name: "a" }, { name: "b" }] },
      { l: [{ name: "b" }] },
      { l: [{ name: "b" }] },
    ],
    ["another type", { a: { b: 1 } }, { a: "x" }, { a: "x" }],
    ["a secret", { a: new Secret("x") }, { a: "y" }, { a: new Secret("y") }],
    [
      "text of a Secret",
      { stringData: { a: "x", b: "y" } },
      { data: { a: "eg==" } },
      { stringData: new Secret({ a: new Secret("z") }) },
    ],
  ])("shows what has changed: %s", (...[, inputs, live, expected]) => {
    expect(projectInputs(inputs, live)).toEqual(expected);
  });

  it("gives back any inputs that the cluster has as they are", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), (inputs) => {
        const live = { ...(inputs as Bag) };
        delete live["stringData"];
        expect(projectInputs(live, structuredClone(live))).toEqual(live);
      }),
    );
  });
});

describe("importInputs", () => {
  it("leaves out what only the server writes", () => {
    const metadata = { name: "a", namespace: "b", labels: { c: "d" } };
    const assigned = { uid: "u", resourceVersion: "1", managedFields: [], generation: 2 };
    const live = { kind: "X", metadata: { ...metadata, ...assigned }, spec: {}, status: {} };
    expect(importInputs(live)).toEqual({ kind: "X", metadata, spec: {} });
  });
});

describe("withLiveValues", () => {
  it("takes over what the cluster has, and leaves out what it has not", () => {
    const object = { spec: { replicas: 1, paused: true, other: 1 } };
    const live = { spec: { replicas: 7, other: 2 } };
    const paths = [
      ["spec", "replicas"],
      ["spec", "paused"],
      ["spec", "none"],
      ["status", "x"],
    ];
    expect(withLiveValues(object, live, paths)).toEqual({ spec: { replicas: 7, other: 1 } });
    expect(object).toEqual({ spec: { replicas: 1, paused: true, other: 1 } });
  });
});

describe("parseQuantity", () => {
  it.each([
    ["100m", 0.1],
    ["1.5", 1.5],
    ["2Ki", 2048],
    ["1e3", 1000],
    ["-3M", -3e6],
    [5, 5],
    ["5 apples", undefined],
    ["1mi", undefined],
    ["", undefined],
    [null, undefined],
  ])("reads %j as %j", (text, value) => {
    expect(parseQuantity(text)).toBe(value);
  });
});
