/** What a schema finds wrong with a value, as findings. */
import type { Static, TSchema } from "typebox";
import { Compile, Errors, type Validator } from "typebox/schema";
import { type Finding, quote, toField, toKind, toPath, withArticle } from "./finding.ts";

/** The keywords of a schema that are read here. */
interface Node {
  type?: string;
  description?: string;
  properties?: Record<string, Node>;
  patternProperties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  propertyNames?: Node;
  items?: Node;
}

type SchemaError = ReturnType<typeof Errors>[1][number];

export interface SchemaFindingOptions {
  /** What the value as a whole is called, where it is wrong as a whole. */
  root: string;
  /** Whether messages may show the value of the field at a path; otherwise its kind only. */
  isShown: (path: readonly string[]) => boolean;
}

/** The findings of `schema` in `value`, one for each field. The schema has no alternatives. */
export function findSchemaMistakes(
  schema: TSchema,
  value: unknown,
  options: SchemaFindingOptions,
): Finding[] {
  if (isValid(schema, value)) {
    return [];
  }
  const [, errors] = Errors(schema, value);
  const byField = new Map<string, Finding>();
  for (const error of errors) {
    // What is wrong with a key is said of the object that has it.
    if (!error.schemaPath.endsWith("/propertyNames")) {
      for (const finding of toFindings(schema, value, { ...options, error })) {
        byField.set(finding.field, byField.get(finding.field) ?? finding);
      }
    }
  }
  return [...byField.values()];
}

const VALIDATORS = new WeakMap<TSchema, Validator>();

/** Most values are right: these are found by code that is made once for each schema. */
export function isValid<T extends TSchema>(schema: T, value: unknown): value is Static<T> {
  const validator = VALIDATORS.get(schema) ?? Compile(schema);
  VALIDATORS.set(schema, validator);
  return validator.Check(value);
}

type FindingContext = SchemaFindingOptions & { error: SchemaError };

function toFindings(schema: Node, value: unknown, context: FindingContext): Finding[] {
  const { error, root } = context;
  const path = toPath(error.instancePath);
  const node = path.reduce<Node | undefined>(toChild, schema);
  const field = path.length === 0 ? root : toField(path);
  switch (error.keyword) {
    case "required":
      return error.params.requiredProperties.map((missing) => {
        const expected = toExpectation(toChild(node, missing)) ?? "a value";
        return { field: toField([...path, missing]), expected, got: "none" };
      });
    case "propertyNames": {
      const expected = toExpectation(node?.propertyNames) ?? "other keys";
      return error.params.propertyNames.map((key) => ({ field, expected, got: quote(key) }));
    }
    // The value at fault has an error of its own.
    case "additionalProperties":
      return [];
    // Of an object that takes no other fields than its own.
    case "boolean": {
      const expected = `none, as there are only ${listFields(schema, path.slice(0, -1))}`;
      return [{ field, expected, got: toShown(path, value, context) }];
    }
    default: {
      const expected = toExpectation(node) ?? error.message;
      return [{ field, expected, got: toShown(path, value, context) }];
    }
  }
}

function listFields(schema: Node, path: readonly string[]): string {
  const { properties = {} } = path.reduce<Node | undefined>(toChild, schema) ?? {};
  return Object.keys(properties).join(", ");
}

function toShown(path: string[], value: unknown, { isShown }: FindingContext): string {
  const found = path.reduce<unknown>(
    (each, segment) => (each as Record<string, unknown>)[segment],
    value,
  );
  return typeof found !== "object" && isShown(path) ? quote(found) : toKind(found);
}

function toExpectation({ type, description }: Node = {}): string | undefined {
  return description ?? (type === undefined ? undefined : withArticle(type));
}

function toChild(node: Node = {}, segment: string): Node | undefined {
  const { properties, items, patternProperties = {}, additionalProperties } = node;
  const [pattern] = Object.values(patternProperties);
  const open = typeof additionalProperties === "object" ? additionalProperties : undefined;
  return properties?.[segment] ?? items ?? pattern ?? open;
}
