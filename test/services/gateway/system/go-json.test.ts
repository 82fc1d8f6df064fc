/**
 * Names of fields as Go's encoding/json takes them. What each of these bodies gives was seen with
 * Go 1.26 and a struct of the same fields.
 */
import { describe, expect, test } from "@jest/globals";
import { Type } from "typebox";
import {
  FunctionDeployment,
  FunctionNamespace,
  ScaleServiceRequest,
} from "../../../../contract/index.ts";
import { readAsGo } from "../../../../services/gateway/system/go-json.ts";

const read = (body: unknown): unknown => readAsGo(FunctionDeployment, body);

describe("names of fields", () => {
  test.each<[string, unknown, unknown]>([
    ["in capitals", { SERVICE: "f", ENVPROCESS: "x" }, { service: "f", envProcess: "x" }],
    ["as Go's structs have them", { Service: "f", EnvVars: {} }, { service: "f", envVars: {} }],
    ["in small letters", { envprocess: "x" }, { envProcess: "x" }],
    ["with a long s", { "\u017fervice": "f" }, { service: "f" }],
    ["with the sign of the kelvin", { "networ\u212a": "" }, {}],
    [
      "in objects",
      { Limits: { Memory: "1Gi", CPU: "1" } },
      { limits: { memory: "1Gi", cpu: "1" } },
    ],
  ])("%s are the schema's", (_, body, seen) => {
    expect(read(body)).toEqual(seen);
  });

  test.each([
    "env_process",
    "env-process",
    "service ",
    "serv\u0131ce",
    "serv\u0130ce",
    "\uff53ervice",
    "constructor",
    "toString",
  ])("like %j are other ones, which are refused", (name) => {
    expect(() => read({ service: "f", [name]: null })).toThrow(
      `${name}: expected service, image, code, namespace, envProcess, envVars, constraints, ` +
        "secrets, labels, annotations, scale, limits, requests, readOnlyRootFilesystem, " +
        "got another field",
    );
  });

  test("that there are not are refused in objects of objects, too, and shortened", () => {
    const Inner = Type.Object({ a: Type.String() }, { additionalProperties: false });
    const Outer = Type.Object({ list: Type.Array(Inner) });
    expect(() => readAsGo(Outer, { List: [{}, { b: 1 }] })).toThrow(
      "list[1].b: expected a, got another field",
    );
    expect(() => readAsGo(Inner, { ["x".repeat(1000)]: 1 })).toThrow(
      `${"x".repeat(80)}: expected a, got another field`,
    );
  });

  test.each([
    [{ signals: [{ type: "rps", targt: 5 }] }, "scale.signals[0].targt: expected type, target, "],
    [{ down: { window: 5 } }, "scale.down.window: expected windowSeconds, replicas, "],
    [{ floors: [{ begin: "0 7 * * *" }] }, "scale.floors[0].begin: expected start, end, "],
    [{ min: 2 }, "scale.min: expected signals, up, down, floors, got another field"],
  ])("that there are not are refused in a scale, as in %j", (scale, message) => {
    expect(() => read({ service: "f", scale })).toThrow(message);
  });

  test("that there are not pass where others may be, as in what a route only reads", () => {
    expect(readAsGo(FunctionNamespace, { Name: "n", other: 1 })).toEqual({ name: "n", other: 1 });
  });

  test("of variables, labels and annotations stay as they are", () => {
    const maps = { envVars: { Service: "a", SERVICE: "b" }, labels: { Image: "c", image: "d" } };
    expect(read(maps)).toEqual(maps);
  });

  test.each([
    [
      { service: "a", Service: "b" },
      'service: expected the field once, got "service" and "Service"',
    ],
    [{ IMAGE: "a", Image: "a" }, 'image: expected the field once, got "IMAGE" and "Image"'],
    [
      { Limits: { cpu: "1", CPU: null } },
      'limits.cpu: expected the field once, got "cpu" and "CPU"',
    ],
  ])("that are there twice, as in %j, are refused", (body, message) => {
    expect(() => read(body)).toThrow(message);
  });
});

describe("a body", () => {
  test("of Go's zero values has what is not zero", () => {
    const zero = { envProcess: "", envVars: null, constraints: null, secrets: [], labels: null };
    const more = { annotations: {}, limits: { memory: "", cpu: "" }, requests: null };
    const body = { service: "f", image: "i", network: "", registryAuth: "", namespace: "" };
    expect(read({ ...body, ...zero, ...more, readOnlyRootFilesystem: false })).toEqual({
      ...{ service: "f", image: "i", secrets: [], annotations: {}, limits: {} },
      readOnlyRootFilesystem: false,
    });
  });

  test("keeps a number that is zero", () => {
    const body = { ServiceName: "f", Replicas: 0, Namespace: "" };
    expect(readAsGo(ScaleServiceRequest, body)).toEqual({ serviceName: "f", replicas: 0 });
  });

  test.each([null, 5, "x", [], [null]])("that is %j stays what it is", (body) => {
    expect(read(body)).toEqual(body);
  });
});
