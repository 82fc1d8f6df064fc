/** Moves schemas that have a title to the document's components, where they are named by it. */
import type { Schema } from "./types.ts";

type Json = unknown;
type JsonObject = Record<string, Json>;

/** TypeBox writes a map from any name like this; OpenAPI's tools know `additionalProperties`. */
const ANY_NAME = "^.*$";

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The part of a document with references in place of titled schemas, and the schemas.
 * @throws Error when two different schemas have the same title.
 */
export function extractSchemas<Part>(part: Part): {
  document: Part;
  schemas: Record<string, Schema>;
} {
  const schemas = new Map<string, Schema>();
  const document = visit(part, schemas) as Part;
  const sorted = [...schemas].sort(([a], [b]) => (a < b ? -1 : 1));
  return { document, schemas: Object.fromEntries(sorted) };
}

function visit(value: Json, schemas: Map<string, Schema>): Json {
  if (Array.isArray(value)) {
    return value.map((item: Json) => visit(item, schemas));
  }
  if (!isObject(value)) {
    return value;
  }
  const { title, ...rest } = toPlainMap(value);
  const visited = Object.fromEntries(
    Object.entries(rest).map(([key, item]) => [key, visit(item, schemas)]),
  );
  if (typeof title !== "string" || !("type" in value)) {
    return title === undefined ? visited : { title: visit(title, schemas), ...visited };
  }
  keep(schemas, title, visited);
  return { $ref: `#/components/schemas/${title}` };
}

function keep(schemas: Map<string, Schema>, title: string, schema: Schema): void {
  const known = schemas.get(title);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
    throw new Error(`title: expected one schema to be called ${title}, got two`);
  }
  schemas.set(title, schema);
}

function toPlainMap(schema: JsonObject): JsonObject {
  const { patternProperties, ...rest } = schema;
  return isObject(patternProperties) && ANY_NAME in patternProperties
    ? { ...rest, additionalProperties: patternProperties[ANY_NAME] }
    : schema;
}
