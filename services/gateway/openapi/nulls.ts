/** Go's clients write `null` for what they leave out, and the gateway reads it so. */
import type { Operation, Schema } from "./types.ts";

type RequestBody = NonNullable<Operation["requestBody"]>;

/** The body with `null` allowed for each optional field of its uppermost object. */
export function allowNulls(body: RequestBody): RequestBody {
  const content = Object.entries(body.content).map(([type, { schema }]) => [
    type,
    { schema: relax(schema) },
  ]);
  return { ...body, content: Object.fromEntries(content) as RequestBody["content"] };
}

function relax(schema: Schema): Schema {
  const { properties, required = [] } = schema as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  if (properties === undefined) {
    return schema;
  }
  const relaxed = Object.entries(properties).map(([name, property]) => [
    name,
    required.includes(name) ? property : { anyOf: [property, { type: "null" }] },
  ]);
  return { ...schema, properties: Object.fromEntries(relaxed) as Record<string, Schema> };
}
