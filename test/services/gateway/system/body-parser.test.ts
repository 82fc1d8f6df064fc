/** Bodies of requests to /system, as they reach a route. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
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

describe("a byte order mark", () => {
  test("is no part of a body", async () => {
    expect(await send('\ufeff{"a":1}', "application/json")).toEqual([200, { a: 1 }]);
  });

  test("makes no body of nothing, and moves no place", async () => {
    expect(await send("\ufeff", "application/json")).toEqual([
      400,
      "body: expected JSON, got nothing",
    ]);
    expect(await send("\ufeff{", "application/json")).toEqual([
      400,
      "body: expected JSON, got something else at line 1 column 2",
    ]);
  });

  test("within a text stays", async () => {
    expect(await send('"\ufeffa"', "application/json")).toEqual([200, "\ufeffa"]);
  });
});

/** Status, and the body as the route gets it or the message. */
async function sendEncoded(
  payload: Buffer | string,
  coding: string,
): Promise<[status: number, seen: unknown]> {
  const headers = { "content-type": "application/json", "content-encoding": coding };
  const answer = await app.inject({ method: "POST", url: "/", headers, payload });
  const { body: seen, message } = JSON.parse(answer.body) as { body: unknown; message?: string };
  return [answer.statusCode, message ?? seen];
}

describe("a body with a content coding", () => {
  const TEXT = '{"a":"\u00fc"}';

  test.each([
    ["gzip", gzipSync],
    ["x-gzip", gzipSync],
    ["GZip", gzipSync],
    ["identity, gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("%s is decoded", async (coding, encode) => {
    expect(await sendEncoded(encode(TEXT), coding)).toEqual([200, { a: "\u00fc" }]);
  });

  test.each(["identity", "Identity", "", " , "])("%j is as it is", async (coding) => {
    expect(await sendEncoded(TEXT, coding)).toEqual([200, { a: "\u00fc" }]);
  });

  test.each(["zstd", "compress", "gzip, gzip", "aws-chunked, gzip", "__proto__"])(
    "%s is refused by what is taken",
    async (coding) => {
      expect(await sendEncoded(gzipSync(TEXT), coding)).toEqual([
        415,
        "Content-Encoding: expected one of gzip, x-gzip, deflate, br, or none",
      ]);
    },
  );

  test.each([
    ["gzip", TEXT],
    ["deflate", gzipSync(TEXT)],
    ["br", TEXT],
    ["gzip", gzipSync(TEXT).subarray(0, -9)],
  ])("%s that it does not have is refused", async (coding, body) => {
    expect(await sendEncoded(body, coding)).toEqual([
      400,
      `body: expected ${coding}, got something else`,
    ]);
  });

  test("without a byte is nothing, in any coding", async () => {
    const nothing = [400, "body: expected JSON, got nothing"];
    expect(await sendEncoded("", "gzip")).toEqual(nothing);
    expect(await sendEncoded(gzipSync(""), "gzip")).toEqual(nothing);
  });

  test("may have a byte order mark below it, and is refused as JSON where it is none", async () => {
    expect(await sendEncoded(gzipSync("\ufeff[1]"), "gzip")).toEqual([200, [1]]);
    expect(await sendEncoded(gzipSync("[1"), "gzip")).toEqual([
      400,
      "body: expected JSON, got something else at line 1 column 3",
    ]);
  });

  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", brotliCompressSync],
  ])("%s has the limit of others when it is decoded", async (coding, encode) => {
    const most = JSON.stringify("x".repeat(98));
    expect(await sendEncoded(encode(most), coding)).toEqual([200, "x".repeat(98)]);
    const more = JSON.stringify("x".repeat(99));
    expect(await sendEncoded(encode(more), coding)).toEqual([413, "Request body is too large"]);
  });

  test("is decoded no further than to the limit", async () => {
    // All that is behind the limit is missing: whoever reads on finds that.
    const start = brotliCompressSync("0".repeat(50_000_000)).subarray(0, 40);
    expect(await sendEncoded(start, "br")).toEqual([413, "Request body is too large"]);
  });
});
