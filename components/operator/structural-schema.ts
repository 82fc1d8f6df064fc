/** Turns JSON Schema into the structural subset that Kubernetes takes. */

/** A JSON Schema node as plain data. */
export interface JsonSchema {
  type?: string;
  properties?: Record<string, JsonSchema>;
  patternProperties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  required?: string[];
  [keyword: string]: unknown;
}

/** Keywords that mean the same in both, besides those that hold schemas. */
const KEPT = [
  "type",
  "description",
  "format",
  "enum",
  "default",
  "nullable",
  "required",
  "pattern",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
  "minProperties",
  "maxProperties",
] as const;

const UNSUPPORTED = ["anyOf", "oneOf", "allOf", "not", "$ref", "const"] as const;

/**
 * Converts `schema`.
 *
 * @throws Error naming the keyword, for what a structural schema cannot say.
 */
export function toStructural(schema: object): JsonSchema {
  const source = schema as JsonSchema;
  for (const keyword of UNSUPPORTED) {
    if (keyword in source) {
      throw new Error(`schema: expected no ${keyword}, got one`);
    }
  }
  const kept = KEPT.filter((keyword) => source[keyword] !== undefined);
  const result: JsonSchema = Object.fromEntries(kept.map((keyword) => [keyword, source[keyword]]));
  if (source.items) {
    result.items = toStructural(source.items);
  }
  return Object.assign(result, toObjectKeywords(source));
}

/**
 * Kubernetes takes either `properties` or `additionalProperties`, not both: an object with open
 * keys becomes a map, which allows its named properties too when all are of one type.
 */
function toObjectKeywords(source: JsonSchema): JsonSchema {
  const open = toOpenProperties(source);
  if (open) {
    return { additionalProperties: toStructural(open) };
  }
  if (!source.properties) {
    return {};
  }
  const entries = Object.entries(source.properties);
  return {
    properties: Object.fromEntries(entries.map(([name, value]) => [name, toStructural(value)])),
  };
}

function toOpenProperties(source: JsonSchema): JsonSchema | undefined {
  const [pattern] = Object.values(source.patternProperties ?? {});
  if (pattern) {
    return pattern;
  }
  const open = source.additionalProperties;
  return typeof open === "object" ? open : undefined;
}
