/** The used part of Pulumi's package schema (https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/). */
import * as pulumi from "@pulumi/pulumi";

export interface PropertySchema {
  /** Whether the value must be known, and so is no output. */
  plain?: boolean;
  /** `#/types/<token>` for an object of this package. */
  $ref?: string;
  items?: PropertySchema;
  additionalProperties?: PropertySchema;
}

export type Properties = Record<string, PropertySchema>;

export interface PackageSchema {
  version: string;
  /** By type token, `plonk:index:Function`. */
  resources: Record<string, { inputProperties: Properties; properties: Properties }>;
  types: Record<string, { properties?: Properties }>;
}

/**
 * Returns the path of a plain property whose value is an output, e.g. `gateway.replicas`. Programs
 * in other languages may write one, and a component would take it for the value.
 */
export function findOutput(
  schema: PackageSchema,
  properties: Properties,
  values: object,
): string | undefined {
  const find = (property: PropertySchema, value: unknown, path: string): string | undefined => {
    if (pulumi.Output.isInstance(value)) {
      return property.plain === true ? path : undefined;
    }
    if (typeof value !== "object" || value === null) {
      return undefined;
    }
    return findFirst(Object.entries(value), ([key, inner]) => {
      const known = toProperty(schema, property, key);
      return (
        known && find(known, inner, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`)
      );
    });
  };
  return findFirst(Object.entries(values), ([key, value]) => {
    const property = properties[key];
    return property && find(property, value, key);
  });
}

/** The schema of what is inside a value under `key`. */
function toProperty(
  schema: PackageSchema,
  { $ref, items, additionalProperties }: PropertySchema,
  key: string,
): PropertySchema | undefined {
  const type = schema.types[$ref?.replace("#/types/", "") ?? ""];
  return items ?? additionalProperties ?? type?.properties?.[key];
}

function findFirst<T>(
  list: readonly T[],
  find: (item: T) => string | undefined,
): string | undefined {
  for (const item of list) {
    const found = find(item);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}
