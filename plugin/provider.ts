/** The components for programs in other languages, behind Pulumi's provider protocol. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as plonk from "../components/index.ts";
import { ArgumentReader, type PackageSchema } from "./arguments.ts";

/** What the plugin offers. `CallbackFunction` is for programs in TypeScript and JavaScript only. */
export const COMPONENTS = {
  ExistingCluster: plonk.ExistingCluster,
  Function: plonk.Function,
  FunctionSecret: plonk.FunctionSecret,
  Gateway: plonk.Gateway,
  K3sCluster: plonk.K3sCluster,
  Monitoring: plonk.Monitoring,
  Operator: plonk.Operator,
  Platform: plonk.Platform,
  Queue: plonk.Queue,
  ServiceImage: plonk.ServiceImage,
  StackFile: plonk.StackFile,
};

/** Path of the schema, which `npm run schema` writes. */
export const SCHEMA_FILE = join(import.meta.dirname, "schema.json");

/** The engine has checked the arguments against the schema. */
type Component = new (
  name: string,
  args: pulumi.Inputs,
  opts: pulumi.ComponentResourceOptions,
) => pulumi.ComponentResource;

type ConstructArguments = Parameters<NonNullable<pulumi.provider.Provider["construct"]>>;

/** Creates components by their type tokens. */
export class ComponentProvider implements pulumi.provider.Provider {
  readonly schema = readFileSync(SCHEMA_FILE, "utf8");
  readonly #package = JSON.parse(this.schema) as PackageSchema;
  readonly #reader = new ArgumentReader(this.#package);
  readonly version = this.#package.version;

  /** @throws InputPropertyError about an argument that must not be an output, but is one */
  async construct(
    ...[name, type, inputs, options]: ConstructArguments
  ): Promise<pulumi.provider.ConstructResult> {
    const definition = this.#package.resources[type];
    const component = toComponent(type);
    if (definition === undefined || component === undefined) {
      throw new Error(`type: expected one of the components, got "${type}"`);
    }
    const args = await this.#reader.read(definition.inputProperties, inputs);
    const resource = new component(name, args, options);
    const fields = resource as unknown as pulumi.Inputs;
    const state: pulumi.Inputs = {};
    for (const key of Object.keys(definition.properties)) {
      state[key] = fields[key] as unknown;
    }
    return { urn: resource.urn, state };
  }
}

function toComponent(type: string): Component | undefined {
  const name = type.split(":").at(-1) ?? "";
  const components = COMPONENTS as unknown as Record<string, Component>;
  return Object.hasOwn(components, name) ? components[name] : undefined;
}
