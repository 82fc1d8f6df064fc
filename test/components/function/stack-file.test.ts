/** What `StackFile` declares for a stack file, and what it refuses, against Pulumi's mocks. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { readEnvironmentFile, StackFile, type StackFileArgs } from "../../../components/index.ts";
import { find, recordRegistrations, valueOf } from "../support/mocks.ts";

const all = recordRegistrations();

const platform = {
  gatewayUrl: "http://gateway.example",
  functionNamespace: "openfaas-fn",
  runtimeImage: "plonk.local/runtime:1@sha256:04",
};

const opts = { provider: new k8s.Provider("cluster", { kubeconfig: "{}" }) };
const folder = mkdtempSync(join(tmpdir(), "plonk-stack-file-"));

/** Writes a file, and returns its path. */
function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await pulumi.runtime.disconnect();
});

const FULL = `
version: 1.0
provider: { name: openfaas, gateway: "http://127.0.0.1:8080", network: func }
configuration: { copy: [./common] }
functions:
  full:
    lang: node22
    handler: ./full
    skip_build: true
    image: \${REGISTRY:-example}/full:\${TAG}
    fprocess: cat -n
    namespace: dev
    environment: { MODE: loud, LEVEL: 1, DEBUG: yes }
    environment_file: [env/first.yml, env/second.yml]
    secrets: [api-key]
    constraints: [kubernetes.io/arch=arm64]
    labels: { com.openfaas.scale.min: 2 }
    annotations: { topic: words.new }
    limits: { memory: 128Mi, cpu: 500m }
    requests: { memory: 32Mi }
    readonly_root_filesystem: true
  small:
    image: example/small:1
    environment: {}
    readonly_root_filesystem: false
`;

describe("a stack file", () => {
  let stack: StackFile;

  beforeAll(async () => {
    mkdirSync(join(folder, "env"));
    write("env/first.yml", "environment: { LEVEL: 2, FIRST: 1, BOTH: 1 }");
    write("env/second.yml", "environment: { BOTH: 2, RAW: '${TAG}' }");
    const file = write("stack.yml", FULL);
    stack = new StackFile("words", { platform, file, variables: { TAG: "1.2" } }, opts);
    await valueOf(stack.urls);
  });

  it("is a Function for each function in it", () => {
    expect(all.map(({ type, name }) => `${type} ${name}`).sort()).toEqual([
      "kubernetes:openfaas.com/v1:Function words-full-function",
      "kubernetes:openfaas.com/v1:Function words-small-function",
      "plonk:index:Function words-full",
      "plonk:index:Function words-small",
      "plonk:index:StackFile words",
      "pulumi:providers:kubernetes cluster",
    ]);
    expect(find(all, "words-full-function").provider).toBe("cluster");
  });

  it("says all of it in the specs", () => {
    const { metadata, spec } = find(all, "words-full-function").inputs;
    expect(metadata).toMatchObject({ name: "full", namespace: "dev" });
    expect(spec).toEqual({
      name: "full",
      image: "example/full:1.2",
      handler: "cat -n",
      environment: {
        MODE: "loud",
        DEBUG: "yes",
        LEVEL: "2",
        FIRST: "1",
        BOTH: "2",
        RAW: "${TAG}",
      },
      secrets: ["api-key"],
      constraints: ["kubernetes.io/arch=arm64"],
      labels: { "com.openfaas.scale.min": "2" },
      annotations: { topic: "words.new" },
      limits: { memory: "128Mi", cpu: "500m" },
      requests: { memory: "32Mi" },
      readOnlyRootFilesystem: true,
    });
    const small = find(all, "words-small-function").inputs;
    expect(small["metadata"]).toMatchObject({ name: "small", namespace: "openfaas-fn" });
    expect(small["spec"]).toEqual({ name: "small", image: "example/small:1" });
  });

  it("gives the functions and their addresses", async () => {
    expect(await valueOf(stack.urls)).toEqual({
      full: "http://gateway.example/function/full.dev",
      small: "http://gateway.example/function/small",
    });
    expect(await valueOf(stack.asyncUrls)).toEqual({
      full: "http://gateway.example/async-function/full.dev",
      small: "http://gateway.example/async-function/small",
    });
    expect(await valueOf(stack.functions["small"]?.name ?? pulumi.output(""))).toBe("small");
  });
});

it("takes some of the functions, by a file URL", async () => {
  const file = pathToFileURL(join(folder, "stack.yml")).href;
  const args = { platform: { ...platform }, file, names: ["small"] };
  const other = { provider: new k8s.Provider("other", { kubeconfig: "{}" }) };
  // `full` is not wanted, and so is no value for its variable.
  const stack = new StackFile("some", args, other);
  expect(Object.keys(await valueOf(stack.urls))).toEqual(["small"]);
});

it("takes the text of a stack file, and variables that are texts of YAML", async () => {
  const text = 'provider: {name: openfaas}\nfunctions: {"f-${S}": {image: x, secrets: ${L}}}';
  const variables = { S: "blue", L: "[a, b]" };
  const stack = new StackFile("text", { platform, text, variables }, opts);
  await valueOf(stack.urls);
  expect(find(all, "text-f-blue-function").inputs["spec"]).toEqual({
    name: "f-blue",
    image: "x",
    secrets: ["a", "b"],
  });
});

it("does not read the environment of the process", () => {
  process.env["PLONK_TEST_TAG"] = "1";
  const text = "provider: {name: openfaas}\nfunctions: {own: {image: 'x:${PLONK_TEST_TAG}'}}";
  expect(() => new StackFile("env", { platform, text }, opts)).toThrow(
    "variables.PLONK_TEST_TAG: expected a value for ${PLONK_TEST_TAG}, which has no default, got none",
  );
  delete process.env["PLONK_TEST_TAG"];
});

describe("refuses", () => {
  let number = 0;

  /** The lines of the one error, on the component's row. */
  function refuse(args: Omit<StackFileArgs, "platform">): string[] {
    number += 1;
    let found: unknown;
    try {
      new StackFile(`wrong-${number}`, { platform, ...args }, opts);
    } catch (error) {
      found = error;
    }
    expect(pulumi.ResourceError.isInstance(found)).toBe(true);
    const { message, resource } = found as pulumi.ResourceError;
    expect(resource).toBeInstanceOf(StackFile);
    expect(all.filter(({ name }) => name.startsWith(`wrong-${number}-`))).toEqual([]);
    return message.split("\n");
  }

  const HEAD = "provider: {name: openfaas}\nfunctions:\n";

  it("wrong values, a line each, by their paths in the file", () => {
    const text = `${HEAD}
  hello:
    image: two words
    fprocess: "a\\0"
    namespace: Dev
    environment: { "A=B": 1, read_timeout: soon }
    secrets: [ok, Not_Ok]
    constraints: [odd]
    labels: { com.openfaas.scale.min: 0.5, com.openfaas.scale.zero: yes }
    annotations: { plonk/user: root }
    limits: { memory: 128, cpu: 200m }
    requests: { cpu: 300m }
  a-b: {}
  Bad: { image: x }
`;
    expect(refuse({ text })).toEqual([
      'functions.hello.image: expected an image reference without blanks, at most 1024 characters, got "two words"',
      expect.stringMatching(
        /^functions\.hello\.fprocess: expected the command line .*, got "a\\u0000"$/,
      ),
      expect.stringMatching(/^functions\.hello\.environment: expected a name .*, got "A=B"$/),
      'functions.hello.constraints[0]: expected a node\'s label as key=value, got "odd"',
      'functions.hello.secrets[1]: expected 1 to 253 lower-case letters, digits, hyphens and dots, with a letter or digit at both ends of each part (RFC 1123), got "Not_Ok"',
      expect.stringMatching(
        /^functions\.hello\.annotations\["plonk\/user"\]: expected image or .*, got "root"$/,
      ),
      expect.stringMatching(
        /^functions\.hello\.labels\["com\.openfaas\.scale\.min"\]: expected .*, got "0\.5"$/,
      ),
      expect.stringMatching(
        /^functions\.hello\.labels\["com\.openfaas\.scale\.zero"\]: expected .*, got "yes"$/,
      ),
      expect.stringMatching(
        /^functions\.hello\.environment\.read_timeout: expected .*, got "soon"$/,
      ),
      'functions.hello.limits.memory: expected 6Mi to 64Ti (128Mi meant?), got "128"',
      'functions.hello.requests.cpu: expected at most the limit (200m), got "300m"',
      expect.stringMatching(/^functions\.hello\.namespace: expected .*, got "Dev"$/),
      'functions["a-b"].image: expected an image reference, got none',
      expect.stringMatching(/^functions: expected 1 to 63 lower-case letters, .*, got "Bad"$/),
    ]);
  });

  it("unknown fields and another provider, but of the functions only those that are wanted", () => {
    const text =
      "provider: {name: faas}\nx: 1\nfunctions: {a: {image: x, imagee: y}, b: {image: x, z: 1}}";
    expect(refuse({ text, names: ["a"] })).toEqual([
      'provider.name: expected openfaas, got "faas"',
      "x: expected version, provider, functions, configuration, got another field",
      "functions.a.imagee: expected image, fprocess, namespace, environment, environment_file, secrets, constraints, labels, annotations, limits, requests, readonly_root_filesystem, lang, handler, skip_build, build_args, build_options, build_secrets, platforms, got another field",
    ]);
  });

  it("what is no stack file", () => {
    expect(refuse({ text: "a: ${B" })).toEqual([
      'line 1: expected ${NAME} or ${NAME:-default}, got "${B"',
    ]);
    expect(refuse({ text: "" })).toEqual([
      "provider.name: expected openfaas, got none",
      "functions: expected functions by name, got none",
    ]);
  });

  it("variables without a value, where a wanted function uses them", () => {
    const text = `${HEAD}  a: {image: "x:\${T}", labels: {"\${K}": v}}\n  b: {image: "\${U}"}`;
    expect(refuse({ text, names: ["a"] })).toEqual(
      expect.arrayContaining([
        "variables.T: expected a value for ${T}, which has no default, got none",
        "variables.K: expected a value for ${K}, which has no default, got none",
      ]),
    );
    expect(refuse({ text, names: ["a"] }).join()).not.toContain("variables.U");
  });

  it("files that are not there, and environment files that are none", () => {
    const file = join(folder, "nowhere.yml");
    expect(refuse({ file })).toEqual([`file: expected a file, got ENOENT at ${file}`]);
    const odd = write("odd.yml", "environment: { A: [b] }\nother: 1");
    const text = `${HEAD}  a:\n    image: x\n    environment_file: [${file}, ${odd}]`;
    expect(refuse({ text })).toEqual([
      `functions.a.environment_file[0]: expected a file, got ENOENT at ${file}`,
      "functions.a.environment_file[1], other: expected environment, got another field",
      "functions.a.environment_file[1], environment.A: expected a text, got a list",
    ]);
  });

  it("names that are not in it, and other than one source", () => {
    const text = `${HEAD}  a: {image: x}\n  b: {image: x}`;
    expect(refuse({ text, names: ["a", "c"] })).toEqual([
      'names[1]: expected one of a, b, got "c"',
    ]);
    expect(refuse({ text, names: [] })).toEqual([
      "names: expected at least one, or none at all for all, got []",
    ]);
    expect(refuse({})).toEqual(["file, text: expected exactly one of them, got neither"]);
    expect(refuse({ text, file: "x" })).toEqual([
      "file, text: expected exactly one of them, got both",
    ]);
  });
});

describe("an environment file", () => {
  it("gives its variables to a program", () => {
    const file = write("own.yml", "environment: { A: 1, B: }");
    expect(readEnvironmentFile(file)).toEqual({ A: "1", B: "" });
    expect(readEnvironmentFile(pathToFileURL(file).href)).toEqual({ A: "1", B: "" });
  });

  it("is refused in one line, by its name", () => {
    const file = write("none.yml", "A=b");
    expect(() => readEnvironmentFile(file)).toThrow(
      new pulumi.RunError(`${file}, file: expected an object, got "A=b"`),
    );
  });
});
