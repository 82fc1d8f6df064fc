/**
 * Fields that say nothing. Go's clients write null, and an empty text, for what they leave out; so
 * do the YAML files that `faas-cli generate` writes.
 */
import type { TSchema } from "typebox";

/** The keywords of a schema that are read here. */
interface Node {
  type?: string;
  minLength?: number;
  properties?: Record<string, Node>;
  required?: readonly string[];
  additionalProperties?: Node | boolean;
  items?: Node;
}

/**
 * `value` without fields that are null, and without optional ones that are an empty text. Entries
 * of maps stay: an empty variable is one. So does a field whose schema says `minLength: 0`.
 */
export function dropEmptyFields<T>(schema: TSchema, value: T): T {
  return visit(schema, value) as T;
}

function visit(schema: Node, value: unknown): unknown {
  const { properties, items } = schema;
  if (Array.isArray(value)) {
    return items === undefined ? value : value.map((item) => visit(items, item));
  }
  if (properties === undefined || typeof value !== "object" || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      const node = toField(schema, name);
      const isRequired = schema.required?.includes(name) ?? false;
      if (node === undefined) {
        return [[name, field]];
      }
      return isEmpty(node, field, isRequired) ? [] : [[name, visit(node, field)]];
    }),
  );
}

/** The schema of a field of an object; undefined where it has none. */
function toField({ properties = {}, additionalProperties }: Node, name: string): Node | undefined {
  if (Object.hasOwn(properties, name)) {
    return properties[name];
  }
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}

function isEmpty({ type, minLength }: Node, field: unknown, isRequired: boolean): boolean {
  return field === null || (field === "" && type === "string" && !isRequired && minLength !== 0);
}
