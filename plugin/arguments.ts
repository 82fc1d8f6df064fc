/** Makes arguments for a component of what the engine sends for a program in another language. */
import * as pulumi from "@pulumi/pulumi";

/**
 * The used part of Pulumi's package schema:
 * https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
 */
export interface PropertySchema {
  /** Whether the value must be known, and so is no output. */
  plain?: boolean;
  /** `#/types/<token>` for an object of this package. */
  $ref?: string;
  items?: PropertySchema;
  additionalProperties?: PropertySchema;
}

export type Properties = Record<string, PropertySchema>;

/** An object, or a value of few. */
interface TypeSchema {
  properties?: Properties;
  required?: string[];
}

export interface PackageSchema {
  version: string;
  /** By type token, `plonk:index:Function`. */
  resources: Record<string, { inputProperties: Properties; properties: Properties }>;
  types: Record<string, TypeSchema>;
}

/** A value, its schema, and the path under which errors name it. */
interface Place {
  property: PropertySchema;
  value: unknown;
  path: string;
}

/** What Pulumi keeps to itself of an output. */
interface OutputParts {
  isKnown: Promise<boolean>;
  promise(): Promise<unknown>;
}

/**
 * Programs in other languages may write an output in the place of a whole object, and engines make
 * one of an object with outputs in it: its fields become outputs then. Where a plain value is
 * wanted an output is refused, as a component would take it for the value.
 */
export class ArgumentReader {
  readonly #schema: PackageSchema;

  constructor(schema: PackageSchema) {
    this.#schema = schema;
  }

  /** @throws InputPropertyError with the path of the property, e.g. `gateway.replicas` */
  read(properties: Properties, inputs: pulumi.Inputs): Promise<pulumi.Inputs> {
    return this.#readAll(inputs, (key) => ({
      property: properties[key] ?? {},
      value: inputs[key] as unknown,
      path: key,
    }));
  }

  async #readAll(values: pulumi.Inputs, toPlace: (key: string) => Place): Promise<pulumi.Inputs> {
    const result: pulumi.Inputs = {};
    for (const key of Object.keys(values)) {
      result[key] = await this.#readOne(toPlace(key));
    }
    return result;
  }

  async #readOne({ property, value, path }: Place): Promise<unknown> {
    if (pulumi.Output.isInstance(value)) {
      return property.plain === true ? await this.#spread({ property, value, path }) : value;
    }
    if (Array.isArray(value)) {
      const { items = {} } = property;
      const places = value.map((item: unknown, index) => ({
        property: items,
        value: item,
        path: `${path}[${index}]`,
      }));
      return Promise.all(places.map((place) => this.#readOne(place)));
    }
    if (!isMap(value)) {
      return value;
    }
    return this.#readAll(value, (key) => ({
      property: property.additionalProperties ?? this.#toType(property)?.properties?.[key] ?? {},
      value: value[key] as unknown,
      path: `${path}.${key}`,
    }));
  }

  /** Makes an object of an output of one. An unknown one has what its type requires. */
  async #spread({ property, value: output, path }: Place): Promise<pulumi.Inputs> {
    const { properties, required = [] } = this.#toType(property) ?? {};
    const parts = output as OutputParts;
    const value = (await parts.isKnown) ? await parts.promise() : undefined;
    if (properties === undefined || (value !== undefined && !isMap(value))) {
      throw refuse(path);
    }
    const fields = value ?? Object.fromEntries(required.map((key) => [key, output]));
    return this.#readAll(fields, (key) => ({
      property: properties[key] ?? {},
      value: properties[key]?.plain === true ? (fields[key] as unknown) : pick(output, key),
      path: `${path}.${key}`,
    }));
  }

  #toType({ $ref = "" }: PropertySchema): TypeSchema | undefined {
    return this.#schema.types[$ref.replace("#/types/", "")];
  }
}

function pick(output: unknown, key: string): pulumi.Output<unknown> {
  return (output as pulumi.Output<Record<string, unknown>>).apply((known) => known[key]);
}

function refuse(propertyPath: string): pulumi.InputPropertyError {
  const reason = "expected a value that the program itself knows, got an output of a resource";
  return new pulumi.InputPropertyError({ propertyPath, reason });
}

function isMap(value: unknown): value is pulumi.Inputs {
  return typeof value === "object" && value !== null;
}
