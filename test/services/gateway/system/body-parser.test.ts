/** Bodies of requests to /system, as they reach a route. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fastify, { type FastifyInstance } from "fastify";
import { Type } from "typebox";
import { readEveryBodyAsJson } from "../../../../services/gateway/system/json-body.ts";

let app: FastifyInstance;

beforeAll(() => {
  app = fastify({ bodyLimit: 100 });
  readEveryBodyAsJson(app);
  app.post("/", ({ body }) => ({ body }));
  const Note = Type.Object({ name: Type.String(), text: Type.Optional(Type.String()) });
  app.post("/note", { schema: { body: Note } }, ({ body }) => ({ body }));
});

afterAll(() => app.close());

/** Status, and the body as the route gets it or the message. */
async function send(
  payload: string,
  type?: string,
  url = "/",
): Promise<[status: number, seen: unknown]> {
  const headers = type === undefined ? {} : { "content-type": type };
  const { statusCode, body } = await app.inject({ method: "POST", url, headers, payload });
  const { body: seen, message } = JSON.parse(body) as { body: unknown; message?: string };
  return [statusCode, message ?? seen];
}

describe("a body", () => {
  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/octet-stream",
    "x/y",
  ])("is JSON, also where it is called %s", async (type) => {
    expect(await send('{"a":[1,null]}', type)).toEqual([200, { a: [1, null] }]);
  });

  test.each([
    ['{"a":null,"b":1}', { a: null, b: 1 }],
    ["[null,1]", [null, 1]],
    ["5", 5],
    ['"text"', "text"],
    ["{}", {}],
  ])("%s reaches a route without a schema as it is", async (text, seen) => {
    expect(await send(text, "application/json")).toEqual([200, seen]);
  });

  test.each([
    ['{"Name":"a","text":null}', { name: "a" }],
    ['{"NAME":"a","Text":""}', { name: "a" }],
    ['{"name":"","text":"b"}', { name: "", text: "b" }],
  ])("%s reaches a route as Go's servers read it by its schema", async (text, seen) => {
    expect(await send(text, "application/json", "/note")).toEqual([200, seen]);
  });

  test("with a field in two spellings does not reach it", async () => {
    expect(await send('{"name":"a","Name":"b"}', "application/json", "/note")).toEqual([
      400,
      'name: expected the field once, got "name" and "Name"',
    ]);
  });

  test.each([
    ["", "body: expected JSON, got nothing"],
    ["{", "body: expected JSON, got something else at line 1 column 2"],
    ["canary", "body: expected JSON, got something else at line 1 column 1"],
    ['{"__proto__":1}', "body: expected JSON without the keys __proto__ and constructor.prototype"],
    [
      '{"constructor":{"prototype":1}}',
      "body: expected JSON without the keys __proto__ and constructor.prototype",
    ],
  ])("%j is refused without a word of it", async (text, message) => {
    expect(await send(text, "application/json")).toEqual([400, message]);
  });

  test("may have a constructor that is none", async () => {
    expect(await send('{"constructor":"x"}', "text/plain")).toEqual([200, { constructor: "x" }]);
  });

  test("that is too long is refused before it is read", async () => {
    const [status, message] = await send(`"${"x".repeat(100)}"`, "application/json");
    expect([status, message]).toEqual([413, "Request body is too large"]);
    expect(await send(`"${"x".repeat(98)}"`, "application/json")).toEqual([200, "x".repeat(98)]);
  });
});
