/** Pulumi derives a schema from the arguments, so that other languages can use the components. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { Analyzer } from "@pulumi/pulumi/provider/experimental/analyzer.js";

const directory = join(import.meta.dirname, "../../components");

type Inputs = Record<string, { description?: string; optional?: boolean }>;
let schema: Record<string, { inputs?: Inputs }>;

// One analysis for all, as it type-checks the whole library.
beforeAll(() => {
  const manifest = { name: "plonk", version: "0.1.0", main: "index.ts" };
  const names = new Set(["Function", "FunctionSecret"]);
  schema = new Analyzer(directory, "plonk", manifest, names).analyze().components;
}, 180_000);

describe("the schema", () => {
  it("of Function has every argument, with its description", () => {
    const inputs = schema["Function"]?.inputs ?? {};
    expect(Object.keys(inputs).sort()).toEqual([
      "annotations",
      "code",
      "constraints",
      "environment",
      "fprocess",
      "image",
      "labels",
      "limits",
      "name",
      "namespace",
      "platform",
      "private",
      "readOnlyRootFilesystem",
      "requests",
      "scale",
      "secrets",
      "timeoutSeconds",
    ]);
    for (const { description } of Object.values(inputs)) {
      expect(description).toMatch(/\w/);
    }
    const required = Object.entries(inputs).filter(([, { optional }]) => optional !== true);
    expect(required.map(([name]) => name)).toEqual(["platform"]);
  });

  it("of FunctionSecret has every argument", () => {
    expect(Object.keys(schema["FunctionSecret"]?.inputs ?? {}).sort()).toEqual([
      "name",
      "namespace",
      "platform",
      "value",
    ]);
  });
});
