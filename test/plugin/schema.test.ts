/** The schema, by which programs in other languages are checked and their libraries generated. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import * as plonk from "../../components/index.ts";
import { COMPONENTS, SCHEMA_FILE } from "../../plugin/provider.ts";
import { renderSchema } from "../../scripts/schema.ts";

interface Property {
  description?: string;
  plain?: boolean;
}

interface Resource {
  description: string;
  inputProperties: Record<string, Property>;
  requiredInputs: string[];
  properties: Record<string, Property>;
}

const text = readFileSync(SCHEMA_FILE, "utf8");
const schema = JSON.parse(text) as {
  version: string;
  resources: Record<string, Resource>;
  types: Record<string, { properties?: Record<string, Property>; enum?: { value: string }[] }>;
};

function resource(name: string): Resource {
  const found = schema.resources[`plonk:index:${name}`];
  if (found === undefined) {
    throw new Error(`${name}: not in the schema`);
  }
  return found;
}

it("is what `npm run schema` writes now", async () => {
  expect(await renderSchema()).toBe(text);
}, 180_000);

it("has all components but the one that takes a callback, under their type tokens", () => {
  const isComponent = (value: unknown): boolean =>
    typeof value === "function" && /^class \w+ extends pulumi\./.test(String(value));
  const names = Object.entries(plonk).filter(([, value]) => isComponent(value));
  const offered = names.map(([name]) => name).filter((name) => name !== "CallbackFunction");
  expect(Object.keys(COMPONENTS).sort()).toEqual(offered.sort());
  expect(Object.keys(schema.resources).sort()).toEqual(
    offered.map((name) => `plonk:index:${name}`).sort(),
  );
});

describe.each(Object.keys(COMPONENTS))("%s", (name) => {
  it("says what it is, and what each argument and each output is", () => {
    const { description, inputProperties, properties } = resource(name);
    for (const each of [...Object.values(inputProperties), ...Object.values(properties)]) {
      expect(each.description).toMatch(/\w/);
    }
    expect(description).toMatch(/\w/);
  });
});

describe("an argument", () => {
  it("is required where it has no default", () => {
    expect(resource("Function").requiredInputs).toEqual(["platform"]);
    expect(resource("FunctionSecret").requiredInputs).toEqual(["platform", "value"]);
    expect(resource("Platform").requiredInputs).toEqual(["adminPassword", "cluster"]);
    expect(resource("Queue").requiredInputs).toEqual(["cluster", "images", "namespace"]);
    expect(resource("K3sCluster").requiredInputs).toEqual(["k3s", "servers"]);
  });

  it("has its default in the description", () => {
    const { description } = resource("Platform").inputProperties["namespace"] ?? {};
    expect(description).toContain('Default: "openfaas".');
  });

  it("is plain where it decides what is made", () => {
    const { properties } = schema.types["plonk:index:GatewayOptions"] ?? {};
    expect(properties?.["replicas"]?.plain).toBe(true);
    expect(properties?.["nodePort"]?.plain).toBeUndefined();
  });

  it("with few values names them", () => {
    const { enum: values = [] } = schema.types["plonk:index:Profile"] ?? {};
    expect(values.map(({ value }) => value)).toEqual(["standard", "edge"]);
  });
});

it("keeps what is internal to itself", () => {
  expect(Object.keys(resource("Platform").properties)).not.toContain("cluster");
  expect(Object.keys(resource("K3sCluster").properties)).toEqual(["kubeconfig", "nodeAddress"]);
});
