/** What says nothing is not there; what is empty on purpose stays. */
import { describe, expect, test } from "@jest/globals";
import { Type } from "typebox";
import { dropEmptyFields, FunctionDeployment, FunctionSpec } from "../../contract/index.ts";

const Thing = Type.Object({
  name: Type.String(),
  note: Type.Optional(Type.String()),
  kept: Type.Optional(Type.String({ minLength: 0 })),
  count: Type.Optional(Type.Integer()),
  map: Type.Optional(Type.Record(Type.String(), Type.String())),
  sizes: Type.Optional(
    Type.Object(
      { a: Type.Optional(Type.String()) },
      { additionalProperties: Type.String({ pattern: "^x$" }) },
    ),
  ),
  list: Type.Optional(Type.Array(Type.Object({ on: Type.Optional(Type.String()) }))),
  texts: Type.Optional(Type.Array(Type.String())),
});

describe("dropEmptyFields", () => {
  test.each<[string, unknown, unknown]>([
    ["an optional text without a letter", { name: "a", note: "" }, { name: "a" }],
    ["null, whatever is expected", { name: null, count: null, map: null, list: null }, {}],
    ["both, in objects", { sizes: { a: "", b: "", c: null, d: "x" } }, { sizes: { d: "x" } }],
    ["both, in lists of objects", { list: [{ on: "" }, { on: null }] }, { list: [{}, {}] }],
  ])("drops %s", (_, value, left) => {
    expect(dropEmptyFields(Thing, value)).toEqual(left);
  });

  test.each<[string, unknown]>([
    ["a text that has to be there", { name: "" }],
    ["a text that may be empty", { kept: "" }],
    ["entries of maps and lists", { map: { A: "" }, texts: ["", "a"] }],
    ["what is of another type", { count: "", map: "", note: 0, list: {} }],
    ["fields that there are not", { other: "", nothing: null }],
    ["zero, false, and what holds nothing", { count: 0, map: {}, texts: [] }],
  ])("keeps %s", (_, value) => {
    expect(dropEmptyFields(Thing, value)).toEqual(value);
  });

  test.each([null, 5, "", "text", []])("leaves %j, which has no fields, as it is", (value) => {
    expect(dropEmptyFields(Thing, value)).toEqual(value);
  });

  test("changes nothing of what it was given", () => {
    const value = { note: "", sizes: { a: "" } };
    dropEmptyFields(Thing, value);
    expect(value).toEqual({ note: "", sizes: { a: "" } });
  });

  test("knows the fields of a Function, and of a deployment", () => {
    const variables = { EMPTY: "" };
    const limits = { memory: "96Mi", cpu: "", "nvidia.com/gpu": "" };
    expect(
      dropEmptyFields(FunctionSpec, {
        ...{ name: "f", image: "i", handler: "", environment: variables, labels: { team: "" } },
        ...{ code: { configMap: "c", entry: "" }, limits, requests: null },
      }),
    ).toEqual({
      ...{ name: "f", image: "i", environment: variables, labels: { team: "" } },
      ...{ code: { configMap: "c" }, limits: { memory: "96Mi" } },
    });
    const sent = { service: "f", image: "", code: "x", namespace: "", envProcess: "", network: "" };
    expect(dropEmptyFields(FunctionDeployment, sent)).toEqual({ service: "f", code: "x" });
  });
});
