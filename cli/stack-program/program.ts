/** Writes a TypeScript program that declares the functions of a stack file. */
import { posix } from "node:path";
import { toField } from "../../contract/index.ts";
import {
  ANOTHER_FIELD,
  isTrue,
  type Part,
  type StackFile,
  type StackFunction,
  toChain,
  TRUE,
  type Value,
  type Variable,
} from "../../contract/stack-file/index.ts";
import { escapeLines, Identifiers, toKey, toLiteral, toTemplateText } from "./literals.ts";
import { type Entry, type Expression, printConstant, printExport, printNew } from "./print.ts";

/** The file, and where it is for the program. */
export interface ProgramSource {
  file: StackFile;
  /** Path of the stack file from the program's folder. */
  path: string;
}

/** A program, and what it does not say of the stack file, a line each. */
export interface Program {
  text: string;
  notes: string[];
}

/** What cannot be said in a program: a field, its value and the reason. */
interface Omission {
  field: string;
  value?: Value;
  reason: string;
}

const BUILD_REASON = "only faas-cli build reads it";

export function writeProgram({ file, path }: ProgramSource): Program {
  const writer = new ProgramWriter(file, path);
  const functions = file.functions.map((each) => writer.writeFunction(each));
  const around = [
    ...[...file.unusedFields].map(([field, value]) => ({
      field,
      value,
      reason: field === "configuration" ? BUILD_REASON : "the platform says it",
    })),
    ...file.problems.map(toOmission),
  ];
  const imports = writer.readsFiles
    ? "{ Function, platformFromStack, readEnvironmentFile }"
    : "{ Function, platformFromStack }";
  const sections = [
    `// The functions of ${escapeLines(JSON.stringify(path))}, written by \`plonk import\`.\n` +
      `import * as pulumi from "@pulumi/pulumi";\nimport ${imports} from "plonk";`,
    [...writer.comment(around), ...writer.constants()].join("\n"),
    ...functions.map(({ text }) => text),
    printExport("urls", writer.urls),
  ];
  const omissions = [...around, ...functions.flatMap(({ omissions: own }) => own)];
  return {
    text: `${sections.join("\n\n")}\n`,
    notes: omissions.map(({ field, reason }) => `${file.holes.restore(field)}: ${reason}`),
  };
}

function toOmission({ field, expected, got, value }: StackFunction["problems"][number]): Omission {
  const isUnknown = got === ANOTHER_FIELD;
  const reason = isUnknown ? "stack files have no such field" : `expected ${expected}, got ${got}`;
  return { field, value, reason };
}

class ProgramWriter {
  /** Whether the program reads environment files. */
  readsFiles = false;
  readonly urls: Entry[] = [];
  readonly #file: StackFile;
  readonly #path: string;
  readonly #identifiers = new Identifiers();
  /** Constants for variables, by what they say. */
  readonly #variables = new Map<string, { name: string; value: Expression; keys: string[] }>();

  constructor(file: StackFile, path: string) {
    this.#file = file;
    this.#path = path;
  }

  writeFunction(wanted: StackFunction): { text: string; omissions: Omission[] } {
    const omissions = [
      ...[...wanted.buildFields].map(([field, value]) => ({
        field: toField(["functions", wanted.name, field]),
        value,
        reason: BUILD_REASON,
      })),
      ...wanted.problems.map(toOmission),
    ];
    if (wanted.image === undefined) {
      const field = toField(["functions", wanted.name, "image"]);
      omissions.push({ field, reason: "expected an image reference, got none" });
    }
    const name = this.#toExpression(wanted.name);
    const identifier = this.#identifiers.take(this.#toPlain(wanted.name));
    this.urls.push({
      key: this.#toKey(wanted.name),
      value: { kind: "name", code: `${identifier}.url` },
    });
    const statement = printNew(identifier, ["Function", name.code], this.#toEntries(wanted));
    return { text: [...this.comment(omissions), statement].join("\n"), omissions };
  }

  /** The constants that the functions use. */
  constants(): string[] {
    const variables = [...this.#variables.values()];
    const keys = new Set(variables.flatMap((each) => each.keys));
    let key = "platform";
    while (keys.has(key)) {
      key += "Stack";
    }
    const setting = `pulumi config set ${key} <organization>/<project>/<stack>`;
    return [
      "const config = new pulumi.Config();",
      `// The stack that the platform is in: \`${setting}\`.`,
      `const platform = platformFromStack(config.require(${toLiteral(key)}));`,
      ...(variables.length === 0
        ? []
        : ["// Variables of the stack file: `pulumi config set <name> <value>`."]),
      ...variables.map(({ name, value }) => printConstant(name, value)),
    ];
  }

  comment(omissions: readonly Omission[]): string[] {
    const lines = omissions.map(({ field, value, reason }) => {
      const shown = value === undefined ? "" : ` ${JSON.stringify(this.#toPlainValue(value))}`;
      return `// - ${this.#file.holes.restore(field)}:${shown} (${reason})`;
    });
    return lines.length === 0 ? [] : ["// Not carried over:", ...lines.map(toOneLine)];
  }

  #toEntries(wanted: StackFunction): Entry[] {
    const { image, fprocess, namespace, readOnlyRootFilesystem } = wanted;
    return [
      { key: "platform" },
      ...this.#toTextEntries({ image, fprocess, namespace }),
      ...this.#toEnvironment(wanted),
      ...this.#toList("secrets", wanted.secrets),
      ...this.#toList("constraints", wanted.constraints),
      ...this.#toMap("labels", wanted.labels),
      ...this.#toMap("annotations", wanted.annotations),
      ...this.#toMap("limits", wanted.limits),
      ...this.#toMap("requests", wanted.requests),
      ...this.#toFlag(readOnlyRootFilesystem ?? "no"),
    ];
  }

  #toTextEntries(texts: object): Entry[] {
    const given = Object.entries(texts).filter(([, text]) => text !== undefined);
    return (given as [string, string][]).map(([key, text]) => ({
      key: this.#toKey(key),
      value: this.#toExpression(text),
    }));
  }

  #toMap(key: string, texts: object): Entry[] {
    const entries = this.#toTextEntries(texts);
    return entries.length === 0 ? [] : [{ key, value: { kind: "object", entries } }];
  }

  #toList(key: string, texts: readonly string[]): Entry[] {
    const items = texts.map((text) => this.#toExpression(text).code);
    return items.length === 0 ? [] : [{ key, value: { kind: "list", items } }];
  }

  #toEnvironment({ environment, environmentFiles }: StackFunction): Entry[] {
    const entries = [
      ...this.#toTextEntries(environment),
      ...environmentFiles.map((file) => ({ value: this.#toFileReader(file) })),
    ];
    this.readsFiles ||= environmentFiles.length > 0;
    return entries.length === 0 ? [] : [{ key: "environment", value: { kind: "object", entries } }];
  }

  /** Environment files stay where they are: they may hold what is not for a program's text. */
  #toFileReader(file: string): Expression {
    const callee = "readEnvironmentFile";
    if (posix.isAbsolute(file)) {
      return { kind: "call", callee, argument: this.#toExpression(file) };
    }
    const path = posix.join(posix.dirname(this.#path), file);
    const parts = this.#file.holes.split(path.startsWith("../") ? path : `./${path}`);
    const url = parts.map((part) => (typeof part === "string" ? toUrl(part) : part));
    const argument: Expression = {
      kind: "call",
      callee: "import.meta.resolve",
      argument: this.#partsToExpression(url),
    };
    return { kind: "call", callee, argument };
  }

  #toFlag(text: string): Entry[] {
    const key = "readOnlyRootFilesystem";
    const [part] = this.#file.holes.split(text);
    if (this.#toPlain(text) === text || part === undefined) {
      return isTrue(text) ? [{ key, value: { kind: "other", code: "true" } }] : [];
    }
    const callee = `${String(TRUE)}.test`;
    return [{ key, value: { kind: "call", callee, argument: this.#toExpression(text) } }];
  }

  #toExpression(text: string): Expression & { code: string } {
    return this.#partsToExpression(this.#file.holes.split(text));
  }

  /** The key of an object: computed where it has variables in it. */
  #toKey(text: string): string {
    const { kind, code } = this.#toExpression(text);
    return kind === "text" ? toKey(text) : `[${code}]`;
  }

  #partsToExpression(parts: readonly Part[]): Expression & { code: string } {
    const [first = "", ...others] = parts;
    if (others.length === 0) {
      return typeof first === "string"
        ? { kind: "text", code: toLiteral(first) }
        : { kind: "name", code: this.#toConstant(first) };
    }
    const inside = parts.map((part) =>
      typeof part === "string" ? toTemplateText(part) : `\${${this.#toConstant(part)}}`,
    );
    return { kind: "template", code: `\`${inside.join("")}\`` };
  }

  /** The constant that has the value of a variable. */
  #toConstant(variable: Variable): string {
    const chain = toChain(variable);
    const id = JSON.stringify(chain);
    const known = this.#variables.get(id);
    if (known !== undefined) {
      return known.name;
    }
    const { names, fallback } = chain;
    const options = names.map((key, index) => {
      const isNeeded = fallback === undefined && index === names.length - 1;
      return `config.${isNeeded ? "require" : "get"}(${toLiteral(key)})`;
    });
    if (fallback !== undefined) {
      options.push(toLiteral(fallback));
    }
    const name = this.#identifiers.take(variable.name);
    const value: Expression =
      options.length > 1
        ? { kind: "choice", options }
        : {
            kind: "call",
            callee: "config.require",
            argument: { kind: "text", code: toLiteral(variable.name) },
          };
    this.#variables.set(id, { name, value, keys: names });
    return name;
  }

  #toPlain(text: string): string {
    return this.#file.holes.restore(text);
  }

  #toPlainValue(value: Value): unknown {
    if (value instanceof Map) {
      const entries = [...value].map(([key, each]) => [key, this.#toPlainValue(each)] as const);
      return Object.fromEntries(entries);
    }
    if (Array.isArray(value)) {
      return value.map((each) => this.#toPlainValue(each));
    }
    return value === null ? null : this.#toPlain(value);
  }
}

function toUrl(path: string): string {
  return encodeURI(path).replaceAll("#", "%23").replaceAll("?", "%3F");
}

function toOneLine(line: string): string {
  return escapeLines(line.replaceAll(/\r\n|[\r\n]/g, " "));
}
