/** What is read from a stack file, and from an environment file. */
import { describe, expect, it } from "@jest/globals";
import { toText } from "../../../contract/index.ts";
import {
  readEnvironmentText,
  readStackFile,
  type StackFile,
  type StackFunction,
} from "../../../contract/stack-file/index.ts";

const HEAD = "provider: { name: openfaas }\nfunctions:\n";

function readFunction(fields: string, variables = {}): StackFunction {
  const indented = fields.replaceAll(/^/gm, "    ");
  const file = readStackFile(`${HEAD}  f:\n${indented}\n`, variables);
  expect(file.mistakes).toEqual([]);
  const [first] = file.functions;
  if (first === undefined) {
    throw new Error("expected a function, got none");
  }
  return first;
}

function mistakes({ mistakes: whole, problems, functions }: StackFile): string[] {
  return [...whole, ...problems, ...functions.flatMap((each) => each.problems)].map(toText);
}

describe("a value that is to be a text", () => {
  it.each([
    ["1.0", "1.0"],
    ["012", "012"],
    ["0x1F", "0x1F"],
    ["1e3", "1e3"],
    ["true", "true"],
    ["yes", "yes"],
    ["2026-01-01", "2026-01-01"],
    ["", ""],
    ["~", ""],
    ["null", ""],
    ["'null'", "null"],
    ['"~"', "~"],
    ["|\n    a\n    b", "a\nb\n"],
    [">-\n    a\n    b", "a b"],
    [String.raw`"a\\tb"`, "a\tb"],
  ])("is what %j says: %j", (written, text) => {
    expect(readFunction(`environment:\n  A: ${written}`).environment).toEqual({ A: text });
  });
});

it("reads all fields", () => {
  const found = readFunction(
    `
lang: node22
handler: ./f
skip_build: true
build_args: { A: b }
build_options: [dev]
build_secrets: { token: ./t }
platforms: linux/amd64
image: example/f:1
fprocess: cat
namespace: dev
environment: { A: 1 }
environment_file: [a.yml, b.yml]
secrets: [s]
constraints: [a=b]
labels: { l: 1 }
annotations: { topic: t }
limits: { memory: 1Gi, cpu: 1 }
requests: { cpu: 100m }
readonly_root_filesystem: on`.trim(),
  );
  expect(found.buildFields.size).toBe(7);
  expect({ ...found, buildFields: undefined }).toEqual({
    name: "f",
    image: "example/f:1",
    fprocess: "cat",
    namespace: "dev",
    environment: { A: "1" },
    environmentFiles: ["a.yml", "b.yml"],
    secrets: ["s"],
    constraints: ["a=b"],
    labels: { l: "1" },
    annotations: { topic: "t" },
    limits: { memory: "1Gi", cpu: "1" },
    requests: { cpu: "100m" },
    readOnlyRootFilesystem: "on",
    buildFields: undefined,
    problems: [],
  });
});

it("takes what says nothing as absent", () => {
  const found = readFunction(
    "image: ''\nfprocess:\nnamespace: ~\nlabels:\nsecrets: null\nlimits: { memory: }\nenvironment: {}",
  );
  expect({ ...found, buildFields: undefined }).toEqual({
    name: "f",
    environment: {},
    environmentFiles: [],
    secrets: [],
    constraints: [],
    labels: {},
    annotations: {},
    limits: {},
    requests: {},
    problems: [],
  });
});

it("follows anchors and merges", () => {
  const text = `${HEAD}  a: &a
    image: x
    environment: &e { A: 1, B: 2 }
  b:
    <<: *a
    environment: { <<: *e, B: 3 }
`;
  const [, second] = readStackFile(text).functions;
  expect(second).toMatchObject({ image: "x", environment: { A: "1", B: "3" } });
});

it("puts variables into the text, as faas-cli does, and leaves those in comments alone", () => {
  const fields = "image: a:${TAG} # ${OTHER}\nsecrets: ${SECRETS}\nfprocess: ${P}";
  const found = readFunction(fields, { TAG: "1", SECRETS: "[a, b]", P: '"x" # y' });
  expect(found).toMatchObject({ image: "a:1", secrets: ["a", "b"], fprocess: "x" });
});

describe("refuses", () => {
  it.each([
    [
      "",
      [
        "provider.name: expected openfaas, got none",
        "functions: expected functions by name, got none",
      ],
    ],
    ["a", ['line 1: expected a stack file, got "a"']],
    ["[a]", ["line 1: expected a stack file, got a list"]],
    ["a: 1\na: 2", ["line 2: expected YAML, got a mistake (Map keys must be unique)"]],
    [
      "a: {",
      [
        "line 1: expected YAML, got a mistake (Flow map in block collection must be sufficiently indented and end with a })",
      ],
    ],
    [
      `${HEAD}  f: {image: x}\n---\na: 1`,
      ["line 4: expected YAML, got a mistake (Source contains multiple documents)"],
    ],
    [
      `${HEAD}  f: {image: !!int 1}`,
      ["line 3: expected YAML, got a mistake (Unresolved tag: tag:yaml.org,2002:int)"],
    ],
    [
      "provider: {name: faas}\nfunctions: {f: {image: x}}",
      ['provider.name: expected openfaas, got "faas"'],
    ],
    [`version: 2.0\n${HEAD}  f: {image: x}`, ['version: expected 1.0, got "2.0"']],
    [
      `services: {}\n${HEAD}  f: {image: x}`,
      ["services: expected version, provider, functions, configuration, got another field"],
    ],
    [
      "provider: {name: openfaas, token: a}\nfunctions: {f: {image: x}}",
      ["provider.token: expected name, gateway, network, got another field"],
    ],
    [`${HEAD}  f: x`, ['functions.f: expected an object, got "x"']],
    [
      `${HEAD}  f: {image: [x], copy: [a], limits: {gpu: 1}}`,
      [
        "functions.f.copy: expected image, fprocess, namespace, environment, environment_file, secrets, constraints, labels, annotations, limits, requests, readonly_root_filesystem, lang, handler, skip_build, build_args, build_options, build_secrets, platforms, got another field",
        "functions.f.image: expected a text, got a list",
        "functions.f.limits.gpu: expected memory, cpu, got another field",
      ],
    ],
    [
      `${HEAD}  a-b: {image: x, secrets: a, environment: [A], labels: {a: {}}, constraints: [[a]]}`,
      [
        'functions["a-b"].environment: expected an object, got a list',
        'functions["a-b"].secrets: expected a list, got "a"',
        'functions["a-b"].constraints[0]: expected a text, got a list',
        'functions["a-b"].labels.a: expected a text, got an object',
      ],
    ],
    [
      `${HEAD}  f: {image: x, readonly_root_filesystem: maybe}`,
      ['functions.f.readonly_root_filesystem: expected true or false, got "maybe"'],
    ],
    [
      `${HEAD}  f: {image: x, environment: {__proto__: a}}`,
      ['functions.f.environment: expected names other than __proto__, got "a"'],
    ],
  ])("%j", (text, expected) => {
    expect(mistakes(readStackFile(text, {}))).toEqual(expected);
  });
});

describe("an environment file", () => {
  it("has variables, in which nothing is replaced", () => {
    const text = "environment:\n  A: ${B}\n  C: 1\n";
    expect(readEnvironmentText(text)).toEqual({
      environment: { A: "${B}", C: "1" },
      mistakes: [],
    });
    expect(readEnvironmentText("")).toEqual({ environment: {}, mistakes: [] });
  });

  it.each([
    ["A=b", ['file: expected an object, got "A=b"']],
    ["env: {A: b}", ["env: expected environment, got another field"]],
    ["environment: {A: [b]}", ["environment.A: expected a text, got a list"]],
    [
      "environment: {",
      [
        "line 1: expected YAML, got a mistake (Flow map in block collection must be sufficiently indented and end with a })",
      ],
    ],
  ])("is refused: %j", (text, expected) => {
    expect(readEnvironmentText(text).mistakes.map(toText)).toEqual(expected);
  });
});
