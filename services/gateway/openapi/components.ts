/** Moves schemas that have a title to the document's components, where they are named by it. */

type Json = unknown;
type JsonObject = Record<string, Json>;

/** TypeBox writes a map from any name like this; OpenAPI's tools know `additionalProperties`. */
const ANY_NAME = "^.*$";

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The document with references in place of titled schemas, and the schemas.
 * @throws Error when two different schemas have the same title.
 */
export function extractSchemas(document: Json): { document: Json; schemas: JsonObject } {
  const schemas = new Map<string, Json>();
  const visit = (value: Json): Json => {
    if (Array.isArray(value)) {
      return value.map(visit);
    }
    if (!isObject(value)) {
      return value;
    }
    const { title, ...rest } = toPlainMap(value);
    const visited = Object.fromEntries(
      Object.entries(rest).map(([key, item]) => [key, visit(item)]),
    );
    if (typeof title !== "string" || !("type" in value)) {
      return title === undefined ? visited : { title, ...visited };
    }
    keep(schemas, title, visited);
    return { $ref: `#/components/schemas/${title}` };
  };
  const visited = visit(document);
  const sorted = [...schemas].sort(([a], [b]) => (a < b ? -1 : 1));
  return { document: visited, schemas: Object.fromEntries(sorted) };
}

function keep(schemas: Map<string, Json>, title: string, schema: Json): void {
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
