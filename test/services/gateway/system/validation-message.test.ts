/** What a schema finds wrong, in one sentence that shows no secret; read through real requests. */
import { describe, expect, test } from "@jest/globals";
import fastify from "fastify";
import { type TSchema, Type } from "typebox";
import { toValidationError } from "../../../../services/gateway/system/validation-message.ts";

/** Status and message for a request that has this body, or this query, by this schema. */
async function refuse(
  schema: { body?: TSchema; querystring?: TSchema },
  { body = {}, query = {} }: { body?: unknown; query?: Record<string, string> } = {},
): Promise<[status: number, message: string]> {
  const app = fastify({
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, verbose: true } },
    schemaErrorFormatter: toValidationError,
  });
  app.post("/", { schema }, () => "fine");
  const { statusCode, payload } = await app.inject({
    method: "POST",
    url: "/",
    query,
    headers: { "content-type": "application/json" },
    payload: JSON.stringify(body),
  });
  await app.close();
  return [statusCode, (JSON.parse(payload) as { message: string }).message];
}

const body = async (schema: TSchema, value: unknown): Promise<string> =>
  (await refuse({ body: schema }, { body: value }))[1];

describe("a field", () => {
  const Fields = Type.Object(
    {
      name: Type.String({ pattern: "^[a-z]+$", description: "lower-case letters" }),
      count: Type.Optional(Type.Integer({ minimum: 1 })),
      labels: Type.Optional(Type.Record(Type.String({ pattern: "^[a-z/.]+$" }), Type.String())),
      list: Type.Optional(Type.Array(Type.Object({ on: Type.Boolean() }))),
    },
    { additionalProperties: false },
  );

  test.each<[string, unknown, string]>([
    ["is missing", {}, "name: expected a value, got none"],
    ["breaks its pattern", { name: "A b" }, 'name: expected lower-case letters, got "A b"'],
    ["has another type", { name: 5 }, "name: expected a string, got 5"],
    ["is null", { name: null }, "name: expected a string, got null"],
    ["is a list", { name: ["a"] }, "name: expected a string, got an array"],
    ["is too small", { name: "a", count: 0 }, "count: expected >= 1, got 0"],
    ["is no whole number", { name: "a", count: 1.5 }, "count: expected an integer, got 1.5"],
    ["is a text for a number", { name: "a", count: "2" }, 'count: expected an integer, got "2"'],
    [
      "is in a map",
      { name: "a", labels: { "a.b/c": 1 } },
      'labels["a.b/c"]: expected a string, got 1',
    ],
    [
      "is in a list",
      { name: "a", list: [{ on: true }, { on: "x" }] },
      'list[1].on: expected a boolean, got "x"',
    ],
    ["is missing in a list", { name: "a", list: [{}] }, "list[0].on: expected a value, got none"],
  ])("that %s is named with what was expected and what came", async (_what, value, message) => {
    expect(await refuse({ body: Fields }, { body: value })).toEqual([400, message]);
  });

  test("of the query is named without a word of the query", async () => {
    const querystring = Type.Object({ tail: Type.String({ pattern: "^\\d+$" }) });
    expect((await refuse({ querystring }, { query: { tail: "x" } }))[1]).toBe(
      'tail: expected to match pattern "^\\d+$", got "x"',
    );
    expect((await refuse({ querystring }))[1]).toBe("tail: expected a value, got none");
  });

  test("is the first one of several that are wrong", async () => {
    expect(await body(Fields, { name: 5, count: 0 })).toBe("name: expected a string, got 5");
  });

  test("that is very long is not repeated in full", async () => {
    const message = await body(Fields, { name: "A".repeat(10_000) });
    expect(message.length).toBeLessThan(400);
    expect(message).toMatch(/^name: expected lower-case letters, got "A+/);
  });
});

describe("a secret", () => {
  const Text = Type.String({ maxLength: 3, description: "3 characters" });

  test.each([
    ["value", "value: expected 3 characters, got a string"],
    ["rawValue", "rawValue: expected 3 characters, got a string"],
    ["code", "code: expected 3 characters, got a string"],
    ["password", "password: expected 3 characters, got a string"],
    ["registryAuth", "registryAuth: expected 3 characters, got a string"],
    ["values", 'values: expected 3 characters, got "canary"'],
  ])("in the field %s is shown by its kind alone, where it is one", async (field, message) => {
    expect(await body(Type.Object({ [field]: Text }), { [field]: "canary" })).toBe(message);
  });

  test("in a variable of a function is not shown", async () => {
    const Variables = Type.Object({ envVars: Type.Record(Type.String(), Text) });
    const message = await body(Variables, { envVars: { TOKEN: "canary" } });
    expect(message).toBe("envVars.TOKEN: expected 3 characters, got a string");
  });

  test("in a body that is none is not shown", async () => {
    expect(await body(Type.Object({}), "canary")).toBe("body: expected an object, got a string");
    expect(await body(Type.Object({}), ["canary"])).toBe("body: expected an object, got an array");
  });
});

describe("a choice", () => {
  const Either = Type.Unsafe({
    type: "object",
    properties: { image: { type: "string" }, code: { type: "string" } },
    oneOf: [{ required: ["image"] }, { required: ["code"] }],
  });

  test.each([
    [{}, "image: expected image or code, got neither"],
    [{ image: "i", code: "c" }, "image: expected image or code, got both"],
  ])("of fields for %j says which there are", async (value, message) => {
    expect(await body(Either, value)).toBe(message);
  });

  test("of types is told as the field that it is about", async () => {
    const Kinds = Type.Object({
      size: Type.Union([Type.Number(), Type.Boolean()], { description: "a number or a flag" }),
    });
    expect(await body(Kinds, { size: "x" })).toBe('size: expected a number or a flag, got "x"');
  });
});

test("a name of a property that may not be is quoted, with the field that it is in", async () => {
  const Names = Type.Unsafe({
    type: "object",
    properties: {
      labels: {
        type: "object",
        propertyNames: { pattern: "^[a-z]+$", description: "lower-case letters" },
      },
    },
  });
  expect(await body(Names, { labels: { "A B": "x" } })).toBe(
    'labels: expected lower-case letters, got "A B"',
  );
});

test("nothing found is still a refusal of that part", () => {
  expect(toValidationError([], "headers")).toMatchObject({
    statusCode: 400,
    code: "PLONK_BAD_REQUEST",
    message: "headers: expected something else",
  });
});
