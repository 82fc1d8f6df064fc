/** The API's document: named schemas, fields that say nothing, and what each operation is given. */
import { describe, expect, test } from "@jest/globals";
import type { RouteOptions } from "fastify";
import { extractSchemas } from "../../../../services/gateway/openapi/components.ts";
import { allowEmptyFields } from "../../../../services/gateway/openapi/empty-fields.ts";
import { generateDocument } from "../../../../services/gateway/openapi/generate.ts";
import type { Operation } from "../../../../services/gateway/openapi/types.ts";

const UNTITLED = { type: "object", properties: { a: { type: "string" } } };
const NAMED = { title: "Thing", ...UNTITLED };
const REFERENCE = { $ref: "#/components/schemas/Thing" };

describe("extractSchemas", () => {
  test("names each titled schema once, wherever it is", () => {
    const part = { x: NAMED, list: [NAMED, { deep: { items: NAMED } }] };
    expect(extractSchemas(part)).toEqual({
      document: { x: REFERENCE, list: [REFERENCE, { deep: { items: REFERENCE } }] },
      schemas: { Thing: UNTITLED },
    });
  });

  test("names schemas within named ones, in the order of their names", () => {
    const outer = { title: "Outer", type: "object", properties: { thing: NAMED } };
    const { document, schemas } = extractSchemas({ outer });
    expect(document).toEqual({ outer: { $ref: "#/components/schemas/Outer" } });
    expect(Object.keys(schemas)).toEqual(["Outer", "Thing"]);
    expect(schemas["Outer"]).toEqual({ type: "object", properties: { thing: REFERENCE } });
  });

  test("takes the property of that name, and the document's own title, for what they are", () => {
    const part = {
      info: { title: "Plonk" },
      schema: { type: "object", properties: { title: { type: "string" } } },
    };
    expect(extractSchemas(part)).toEqual({ document: part, schemas: {} });
  });

  test("refuses two schemas of one name", () => {
    const other = { ...NAMED, properties: { b: { type: "string" } } };
    expect(() => extractSchemas([NAMED, other])).toThrow(
      "title: expected one schema to be called Thing, got two",
    );
  });

  test("writes a map from any name as tools know it, and leaves other patterns alone", () => {
    const any = { type: "object", patternProperties: { "^.*$": { type: "string" } } };
    const some = { type: "object", patternProperties: { "^x-": { type: "string" } } };
    expect(extractSchemas({ any, some }).document).toEqual({
      any: { type: "object", additionalProperties: { type: "string" } },
      some,
    });
  });

  test("changes nothing of what it was given", () => {
    const part = { list: [structuredClone(NAMED)] };
    extractSchemas(part);
    expect(part).toEqual({ list: [NAMED] });
  });
});

describe("allowEmptyFields", () => {
  const text = { type: "string" };
  const nothing = { type: "null" };
  const code = { type: "string", pattern: "^[a-z]+$" };

  const relaxed = (schema: object): unknown => {
    const body = { required: true, content: { "application/json": { schema: { ...schema } } } };
    const { content, required } = allowEmptyFields(body);
    expect([required, Object.keys(content)]).toEqual([true, ["application/json"]]);
    return content["application/json"]?.schema;
  };

  test("lets optional fields be null, also of objects in it and in lists, and no others", () => {
    const deep = { title: "Deep", type: "object", properties: { inner: text } };
    const open = { anyOf: [text, nothing] };
    const list = { type: "array", items: deep };
    const schema = { type: "object", required: ["a", "list"], properties: { a: text, deep, list } };
    const inner = { type: "object", properties: { inner: open } };
    expect(relaxed(schema)).toEqual({
      ...schema,
      properties: { a: text, deep: { anyOf: [inner, nothing] }, list: { ...list, items: inner } },
    });
  });

  test("lets a text be empty that has a grammar, in named fields and others", () => {
    const schema = { type: "object", properties: { code }, additionalProperties: code };
    const either = { anyOf: [code, { const: "" }, nothing] };
    expect(relaxed(schema)).toEqual({
      ...schema,
      properties: { code: either },
      additionalProperties: either,
    });
    const kept = { ...code, minLength: 0 };
    expect(relaxed({ type: "object", properties: { kept } })).toEqual({
      type: "object",
      properties: { kept: { anyOf: [kept, nothing] } },
    });
  });

  test("counts an empty field as none where one of some is asked for", () => {
    const properties = { a: code, b: { ...text, minLength: 0 } };
    const oneOf = [{ required: ["a"] }, { required: ["b"] }];
    expect(relaxed({ type: "object", properties, oneOf })).toMatchObject({
      oneOf: [
        { required: ["a"], properties: { a: { type: "string", minLength: 1 } } },
        { required: ["b"], properties: { b: { type: "string", minLength: 0 } } },
      ],
    });
  });

  test("leaves what has no fields as it is", () => {
    const body = { required: false, content: { "*/*": { schema: {} } } };
    expect(allowEmptyFields(body)).toEqual(body);
  });
});

/** Route options as Fastify tells of them. */
function route(url: string, parts: { method?: string; schema?: object } = {}): RouteOptions {
  const { method = "GET", schema } = parts;
  return { method, url, handler: () => undefined, ...(schema && { schema }) };
}

const ID = { operationId: "DoIt", tags: ["system"], summary: "Do it" };

async function describeRoute(url: string, schema: object, method = "GET"): Promise<Operation> {
  const { paths } = await generateDocument([route(url, { method, schema: { ...ID, ...schema } })]);
  return paths[url.replace(/:(\w+)/, "{$1}")]?.[method.toLowerCase()] as Operation;
}

const statusesOf = ({ responses }: Operation): string[] => Object.keys(responses).sort();

describe("generateDocument", () => {
  test.each<[object, string]>([
    [{}, "POST /x: expected an operationId, or to be hidden, got neither"],
    [{ schema: { summary: "x" } }, "POST /x: expected an operationId"],
    [{ schema: { hide: false } }, "POST /x: expected an operationId"],
  ])("refuses a route with %j", async (parts, message) => {
    const routes = [route("/x", { method: "POST", ...parts })];
    await expect(generateDocument(routes)).rejects.toThrow(message);
  });

  test("leaves hidden routes out, and has the paths of calls and metrics", async () => {
    const { paths } = await generateDocument([
      route("/hidden", { schema: { hide: true } }),
      route("/system/z", { schema: ID }),
    ]);
    expect(Object.keys(paths)).toEqual([
      "/async-function/{name}",
      "/function/{name}",
      "/metrics",
      "/readyz",
      "/system/z",
    ]);
  });

  test("gives each operation the failures that it can have", async () => {
    const own = { response: { 200: { type: "object" } } };
    const always = ["200", "401", "403", "429", "500", "503"];
    expect(statusesOf(await describeRoute("/system/x", own))).toEqual(always);
    const params = { type: "object", properties: { name: { type: "string" } } };
    expect(statusesOf(await describeRoute("/system/x/:name", { ...own, params }))).toEqual(
      [...always, "400", "404"].sort(),
    );
    const body = { type: "object", properties: { a: { type: "string" } } };
    expect(statusesOf(await describeRoute("/system/x", { ...own, body }, "POST"))).toEqual(
      [...always, "400", "404", "409", "413", "415"].sort(),
    );
  });

  test("has no failures and no login for the health of the gateway", async () => {
    const operation = await describeRoute("/healthz", { response: { 200: { type: "string" } } });
    expect([operation.security, operation.responses]).toEqual([
      [],
      { "200": expect.objectContaining({ description: "Done" }) },
    ]);
  });

  test("describes an answer that has no words of its own, and keeps those of others", async () => {
    const response = { 200: { type: "object" }, 202: { type: "null", description: "Accepted" } };
    const { responses } = await describeRoute("/system/x", { response });
    expect([responses["200"], responses["202"]]).toMatchObject([
      { description: "Done" },
      { description: "Accepted" },
    ]);
  });

  test("says in the end who may ask, and how", async () => {
    const { security, components } = await generateDocument([]);
    expect([security, Object.keys(components.securitySchemes)]).toEqual([
      [{ basic: [] }, { bearer: [] }],
      ["basic", "bearer"],
    ]);
    expect(components.schemas["Failure"]).toMatchObject({ required: ["code", "message"] });
  });
});
