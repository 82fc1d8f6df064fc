/**
 * The program that `plonk import` writes: it declares what `StackFile` declares for the same file,
 * and prettier leaves it as it is.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { format } from "prettier";
import ts from "typescript";
import { findInexact } from "../../../cli/stack-program/exactness.ts";
import { writeProgram } from "../../../cli/stack-program/program.ts";
import { platformFromStack, StackFile } from "../../../components/index.ts";
import { readStackFile } from "../../../contract/stack-file/index.ts";
import { capture } from "../../../toolchain/run-command.ts";
import { recordRegistrations, type Registration, valueOf } from "../../components/support/mocks.ts";
import { runs } from "../../support/property-runs.ts";
import { stackText } from "./stack-text.ts";
import { STACKS } from "./stacks.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const STACK = "organization/platform/prod";

/** A project that has the package, as npm installs it. */
const project = mkdtempSync(join(tmpdir(), "plonk-import-"));
mkdirSync(join(project, "node_modules"));
mkdirSync(join(project, "env"));
symlinkSync(ROOT, join(project, "node_modules/plonk"));
symlinkSync(join(ROOT, "node_modules/@pulumi"), join(project, "node_modules/@pulumi"));
symlinkSync(join(ROOT, "node_modules/@types"), join(project, "node_modules/@types"));
writeFileSync(join(project, "package.json"), '{"type":"module"}');
writeFileSync(join(project, "env/first.yml"), "environment: { FROM_FILE: 1, MODE: quiet }");
writeFileSync(join(project, "env/second.yml"), "environment: { SECOND: '${TAG}' }");
writeFileSync(join(project, "env/prod.yml"), "environment: { STAGE: prod }");

afterAll(async () => {
  rmSync(project, { recursive: true });
  await pulumi.runtime.disconnect();
});

type Variables = Record<string, string>;

interface Declared {
  name: string;
  spec: unknown;
  metadata: unknown;
}

/** The Functions that a program declares, by namespace and name. */
async function collect(
  variables: Variables,
  program: () => Promise<{ urls: pulumi.Input<Record<string, pulumi.Input<string>>> }>,
): Promise<Declared[]> {
  const exported = {
    gatewayUrl: "http://gateway.example",
    functionNamespace: "openfaas-fn",
    runtimeImage: "plonk.local/runtime:1",
    kubeconfig: "{}",
    clusterIdentity: "one",
  };
  const all = recordRegistrations({ stacks: { [STACK]: { platform: exported } } });
  const config = Object.entries(variables);
  pulumi.runtime.setAllConfig(
    Object.fromEntries(config.map(([key, value]) => [`plonk:${key}`, value])),
  );
  const { urls } = await program();
  await valueOf(pulumi.output(urls));
  await (pulumi.runtime as unknown as { waitForRPCs(): Promise<void> }).waitForRPCs();
  return all.filter(isFunction).map(toDeclared).sort(byName);
}

function isFunction({ type }: Registration): boolean {
  return type === "kubernetes:openfaas.com/v1:Function";
}

function toDeclared({ inputs }: Registration): Declared {
  const { metadata, spec } = inputs as { metadata: { namespace: string }; spec: { name: string } };
  return { name: `${metadata.namespace}/${spec.name}`, metadata, spec };
}

function byName(left: Declared, right: Declared): number {
  return left.name < right.name ? -1 : 1;
}

let count = 0;

/** Both ways from one file to Functions. */
async function compare(text: string, variables: Variables): Promise<Declared[]> {
  count += 1;
  const path = join(project, `stack-${count}.yml`);
  writeFileSync(path, text);
  const program = join(project, `program-${count}.ts`);
  const imported = writeProgram({ file: readStackFile(text), path: `stack-${count}.yml` });
  writeFileSync(program, imported.text);
  expect(await format(imported.text, { parser: "typescript" })).toBe(imported.text);
  const [, key = ""] = /platformFromStack\(config.require\("(\w+)"\)\)/.exec(imported.text) ?? [];
  const config = { ...variables, [key]: STACK };
  const asItIs = await collect(config, () => {
    const platform = platformFromStack(STACK);
    return Promise.resolve(new StackFile("stack", { platform, file: path, variables }));
  });
  const asProgram = await collect(
    config,
    () => import(pathToFileURL(program).href) as Promise<{ urls: Record<string, string> }>,
  );
  expect(asProgram).toEqual(asItIs);
  return asItIs;
}

describe.each(STACKS)("of $name", ({ text, variables, functions }) => {
  it("declares the same", async () => {
    const declared = await compare(text, variables);
    expect(declared.map(({ name }) => name)).toEqual(functions);
    expect(findInexact(text)).toEqual([]);
  });
});

it("declares the same for whatever a stack file says", async () => {
  await fc.assert(
    fc.asyncProperty(stackText(), async ({ text, variables, names }) => {
      const declared = await compare(text, variables);
      expect(declared.length).toBe(names.length);
      expect(findInexact(text)).toEqual([]);
    }),
    { numRuns: runs(25) },
  );
});

it("is as prettier writes it, whatever a stack file says", async () => {
  await fc.assert(
    fc.asyncProperty(stackText(), async ({ text }) => {
      const { text: program } = writeProgram({ file: readStackFile(text), path: "stack.yml" });
      expect(await format(program, { parser: "typescript" })).toBe(program);
    }),
    { numRuns: runs(150) },
  );
});

it("names environment files so that Node finds them, whatever is in their paths", async () => {
  const text = `provider: {name: openfaas}
functions: {a: {image: x, environment_file: ["a b#1.yml", ../c.yml, /etc/d.yml, "\${E}.yml"]}}`;
  const { text: program } = writeProgram({ file: readStackFile(text), path: "stacks/stack.yml" });
  expect(program.match(/readEnvironmentFile\(.*?\),/g)).toEqual([
    'readEnvironmentFile(import.meta.resolve("./stacks/a%20b%231.yml")),',
    'readEnvironmentFile(import.meta.resolve("./c.yml")),',
    'readEnvironmentFile("/etc/d.yml"),',
    "readEnvironmentFile(import.meta.resolve(`./stacks/${e}.yml`)),",
  ]);
  mkdirSync(join(project, "stacks"));
  writeFileSync(join(project, "stacks/a b#1.yml"), "environment: { A: 1 }");
  const module = `import { readEnvironmentFile } from "plonk";
console.log(readEnvironmentFile(import.meta.resolve("./stacks/a%20b%231.yml")).A);`;
  writeFileSync(join(project, "reader.ts"), module);
  const ran = await capture(process.execPath, [join(project, "reader.ts")]);
  expect(ran).toMatchObject({ code: 0, stdout: "1\n" });
});

it("type-checks against the package", () => {
  const samples = fc.sample(stackText(), { numRuns: 5 }).map(({ text }) => text);
  const files = [...STACKS.map(({ text }) => text), ...samples].map((text, index) => {
    const file = join(project, `typed-${index}.ts`);
    writeFileSync(file, writeProgram({ file: readStackFile(text), path: "stack.yml" }).text);
    return file;
  });
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true,
    noUnusedLocals: true,
    allowImportingTsExtensions: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
  });
  const wrong = files.flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  expect(wrong.map(({ messageText }) => messageText)).toEqual([]);
}, 300_000);
