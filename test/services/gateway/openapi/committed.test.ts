/** The committed document, as clients are generated from it: whole, and the same everywhere. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { failures } from "../../../../services/gateway/errors.ts";
import { COPY } from "../../../../services/gateway/openapi/render.ts";
import type {
  Document,
  Operation,
  Parameter,
  Reference,
  Response,
} from "../../../../services/gateway/openapi/types.ts";

const document = JSON.parse(readFileSync(COPY, "utf8")) as Document;
const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"];

interface Known {
  at: string;
  path: string;
  operation: Operation;
  /** Its own, and those of its whole path. */
  parameters: Parameter[];
}

const known: Known[] = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => {
    const operation = item[method] as Operation;
    const shared = (item["parameters"] ?? []) as Parameter[];
    const parameters = [...shared, ...(operation.parameters ?? [])];
    return { at: `${method.toUpperCase()} ${path}`, path, operation, parameters };
  }),
);

/** All places of the document that refer to another one. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  const { $ref } = value as Partial<Reference>;
  return [
    ...(typeof $ref === "string" ? [$ref] : []),
    ...Object.values(value).flatMap((part) => referencesIn(part)),
  ];
}

function resolve(reference: string): unknown {
  return reference
    .replace(/^#\//, "")
    .split("/")
    .reduce<unknown>(
      (part, name) => (part as Record<string, unknown> | undefined)?.[name],
      document,
    );
}

const toResponse = (response: Response | Reference): Response =>
  "$ref" in response ? (resolve(response.$ref) as Response) : response;

/** Those for which something does not hold, by their names. */
const without = (holds: (each: Known) => boolean): string[] =>
  known.filter((each) => !holds(each)).map(({ at }) => at);

describe("the document", () => {
  test("refers to nothing that there is not, and has nothing that nobody refers to", () => {
    const references = new Set(referencesIn(document));
    expect([...references].filter((each) => resolve(each) === undefined)).toEqual([]);
    const { schemas, responses } = document.components;
    const named = [
      ...Object.keys(schemas).map((name) => `#/components/schemas/${name}`),
      ...Object.keys(responses).map((name) => `#/components/responses/${name}`),
    ];
    expect(named.filter((name) => !references.has(name))).toEqual([]);
  });

  test("has each field that it requires", () => {
    const lacking = Object.entries(document.components.schemas).flatMap(([name, schema]) => {
      const { required = [], properties = {} } = schema as {
        required?: string[];
        properties?: object;
      };
      return required.filter((field) => !(field in properties)).map((field) => `${name}.${field}`);
    });
    expect(lacking).toEqual([]);
  });

  test("has the failures of the gateway's table, but for those of HTTP itself", () => {
    // A method, a head or an expectation that is wrong: no operation is asked for.
    const OF_HTTP = [405, 408, 417, 431];
    const statuses = Object.values(failures).map(
      (failure) => (failure as (...parts: unknown[]) => { status: number })(400, 1).status,
    );
    const told = new Set(
      known.flatMap(({ operation }) => Object.keys(operation.responses).map(Number)),
    );
    const missing = statuses.filter((status) => !told.has(status) && !OF_HTTP.includes(status));
    expect(missing).toEqual([]);
  });
});

describe("each operation", () => {
  test("describes what is in braces in its path, and nothing else of a path", () => {
    const lacking = without(({ path, parameters }) => {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
      const described = parameters.filter((each) => each.in === "path" && each.required === true);
      return JSON.stringify(described.map(({ name }) => name).sort()) === JSON.stringify(named);
    });
    expect(lacking).toEqual([]);
  });

  test("says of each parameter what it is, but for the namespace of a path", () => {
    const lacking = known.flatMap(({ at, parameters }) =>
      parameters
        .filter(({ name, description }) => description === undefined && name !== "namespace")
        .map(({ name }) => `${at}: ${name}`),
    );
    expect(lacking).toEqual([]);
  });

  test("has a group that the document describes", () => {
    const groups = document.tags.map(({ name }) => name);
    expect(without(({ operation }) => groups.includes(operation.tags[0] ?? ""))).toEqual([]);
  });

  test("answers failures in plain text, and in JSON with a code for who asks for it", () => {
    const odd = known.flatMap(({ at, operation }) =>
      Object.entries(operation.responses)
        .filter(([status]) => Number(status) >= 400)
        // Of these the text is the contract's, or the probe's.
        .filter(
          ([status]) => !(at === "POST /system/alert" || at === "GET /readyz" || status === "410"),
        )
        .filter(([, response]) => {
          const content = toResponse(response).content ?? {};
          const json = content["application/json"]?.schema as Partial<Reference> | undefined;
          return !("text/plain" in content) || json?.$ref !== "#/components/schemas/Failure";
        })
        .map(([status]) => `${at} ${status}`),
    );
    expect(odd).toEqual([]);
  });

  test("that may be told to come again says when, where it is a call", () => {
    const odd = known.flatMap(({ at, operation }) =>
      Object.entries(operation.responses)
        .filter(
          ([status]) =>
            status === "429" || (status === "503" && / \/(async-)?function\/\{/.test(at)),
        )
        .filter(([, response]) => toResponse(response).headers?.["Retry-After"] === undefined)
        .map(([status]) => `${at} ${status}`),
    );
    expect(odd).toEqual([]);
  });
});
