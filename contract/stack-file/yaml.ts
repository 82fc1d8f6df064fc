/** YAML as faas-cli reads it: a value that is to be a text is what is written there. */
import { isScalar, parseDocument, type Scalar, visit } from "yaml";
import { type Finding, quote } from "../finding.ts";
import type { Holes } from "./holes.ts";
import type { Variable } from "./substitution.ts";

/** What there is in a document: texts, lists and maps, and null for nothing. */
export type Value = string | null | Value[] | Map<string, Value>;

/** YAML 1.1's words for nothing; in quotes they are texts. */
const NOTHING = ["", "~", "null", "Null", "NULL"];

/** The one document of a text; undefined where there is a mistake. */
export function readYaml(
  text: string,
  holes?: Holes,
): { value: Value | undefined; mistake?: Finding } {
  const document = parseDocument(text, { schema: "failsafe", merge: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const [reason = ""] = problem.message.split(/ at line |;|\n/);
    const line = problem.linePos?.[0].line ?? 1;
    return {
      value: undefined,
      mistake: { field: `line ${line}`, expected: "YAML", got: `a mistake (${reason})` },
    };
  }
  visit(document, {
    Scalar(key, node) {
      if (key !== "key" && node.type === "PLAIN" && NOTHING.includes(String(node.value))) {
        node.value = null;
      } else if (holes !== undefined && typeof node.value === "string") {
        node.value = readDefaults(node, node.value, holes);
      }
    },
  });
  if (document.contents === null || (isScalar(document.contents) && !document.contents.value)) {
    return { value: null };
  }
  try {
    return { value: document.toJS({ mapAsMap: true }) as Value };
  } catch (error) {
    const got = `a mistake (${(error as Error).message})`;
    return { value: undefined, mistake: { field: "line 1", expected: "YAML", got } };
  }
}

/** faas-cli puts defaults into the text of the file: there they are YAML. */
function readDefaults(node: Scalar, value: string, holes: Holes): string {
  const parts = holes.split(value);
  const toText = toDefaultReader(node, parts.length === 1);
  return parts
    .map((part) => (typeof part === "string" ? part : holes.add(withDefault(part, toText))))
    .join("");
}

function toDefaultReader({ type }: Scalar, isAlone: boolean): (text: string) => string {
  const around = { QUOTE_DOUBLE: '"', QUOTE_SINGLE: "'", PLAIN: isAlone ? "" : undefined };
  const mark = around[type as keyof typeof around];
  return (text) => {
    if (mark === undefined) {
      return text;
    }
    const { value } = readYaml(`${mark}${text}${mark}`);
    return typeof value === "string" ? value : value === null ? "" : text;
  };
}

function withDefault(variable: Variable, toText: (text: string) => string): Variable {
  const { fallback } = variable;
  if (fallback === undefined) {
    return variable;
  }
  return {
    ...variable,
    fallback: typeof fallback === "string" ? toText(fallback) : withDefault(fallback, toText),
  };
}

/** A value for a message. */
export function describeValue(value: Value | undefined): string {
  if (value === undefined || value === null) {
    return "none";
  }
  return typeof value === "string" ? quote(value) : Array.isArray(value) ? "a list" : "an object";
}
