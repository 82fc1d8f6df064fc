/**
 * What Go's clients write for what they leave out, null and an empty text: the gateway reads both
 * so (`dropEmptyFields`), and the document says it of each body.
 */
import type { Operation, Schema } from "./types.ts";

type RequestBody = NonNullable<Operation["requestBody"]>;

/** The keywords of a schema that are read here. */
interface Node extends Schema {
  type?: string;
  minLength?: number;
  pattern?: string;
  properties?: Record<string, Node>;
  required?: string[];
  additionalProperties?: Node | boolean;
  items?: Node;
  anyOf?: Choice[];
  oneOf?: Choice[];
}

interface Choice extends Schema {
  required?: string[];
}

/** The body with fields that say nothing, wherever they may stand. */
export function allowEmptyFields(body: RequestBody): RequestBody {
  const content = Object.entries(body.content).map(([type, { schema }]) => [
    type,
    { schema: relax(schema as Node) },
  ]);
  return { ...body, content: Object.fromEntries(content) as RequestBody["content"] };
}

function relax(schema: Node): Node {
  const { properties, required = [], additionalProperties, items } = schema;
  if (items !== undefined) {
    return { ...schema, items: relaxPart(items) };
  }
  if (properties === undefined) {
    return schema;
  }
  const relaxed = Object.entries(properties).map(([name, property]) => [
    name,
    required.includes(name) ? relaxPart(property) : toOptional(property),
  ]);
  return {
    ...schema,
    properties: Object.fromEntries(relaxed) as Record<string, Node>,
    ...(typeof additionalProperties === "object" && {
      additionalProperties: toOptional(additionalProperties),
    }),
    ...relaxChoice("anyOf", schema),
    ...relaxChoice("oneOf", schema),
  };
}

/** Without its title: answers hold a schema of that name which is not relaxed. */
function relaxPart(part: Node): Node {
  const entries = Object.entries(relax(part)).filter(([keyword]) => keyword !== "title");
  return Object.fromEntries(entries);
}

function toOptional(property: Node): Node {
  const { type, minLength } = property;
  const isEmptyRefused = type === "string" && (minLength ?? property.pattern) !== undefined;
  return {
    anyOf: [
      relaxPart(property),
      ...(isEmptyRefused && minLength !== 0 ? [{ const: "" }] : []),
      { type: "null" },
    ],
  };
}

/** Of a choice between fields, one that says nothing is none. */
function relaxChoice(
  keyword: "anyOf" | "oneOf",
  { [keyword]: choices, properties = {} }: Node,
): Partial<Node> {
  if (choices === undefined) {
    return {};
  }
  const toGiven = (name: string): Node => ({
    type: "string",
    minLength: properties[name]?.minLength ?? 1,
  });
  return {
    [keyword]: choices.map(({ required = [] }) => ({
      required,
      properties: Object.fromEntries(required.map((name) => [name, toGiven(name)])),
    })),
  };
}
