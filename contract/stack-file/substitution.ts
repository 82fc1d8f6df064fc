/**
 * Variables in a stack file, `${NAME}` and `${NAME:-default}`, as faas-cli takes them from
 * drone/envsubst: in the text, before it is read as YAML. `$$` is a dollar sign, `\\` and `\/`
 * are a backslash and a slash.
 */
import { type Finding, quote } from "../finding.ts";

/** A variable in the text. An empty one has its default, as an absent one. */
export interface Variable {
  name: string;
  /** What stands for it where it is empty or absent. */
  fallback?: string | Variable;
  /** As the file has it. */
  source: string;
}

/** Text, and the variables in it. */
export type Part = string | Variable;

const EXPECTED = "${NAME} or ${NAME:-default}";

/** A reference whose default, if it has one, comes next. */
const START = /\$\{([\p{L}\p{Nd}_]+)(:-|:=|=|\})/uy;

/** Splits a text. What follows a mistake is not read. */
export function findVariables(text: string): { parts: Part[]; mistake?: Finding } {
  const parts: Part[] = [];
  for (let at = 0; at < text.length;) {
    if (text.startsWith("${", at)) {
      const found = readVariable(text, at);
      if (found === undefined) {
        return { parts, mistake: toMistake(text, at) };
      }
      parts.push(found.variable);
      at = found.end;
    } else {
      const length = isEscape(text, at) ? 2 : 1;
      parts.push(text.charAt(at + length - 1));
      at += length;
    }
  }
  return { parts: joinTexts(parts) };
}

function isEscape(text: string, at: number): boolean {
  return ["$$", "\\\\", "\\/"].includes(text.slice(at, at + 2));
}

function joinTexts(parts: Part[]): Part[] {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === "string" && typeof last === "string") {
      joined[joined.length - 1] = last + part;
    } else {
      joined.push(part);
    }
  }
  return joined;
}

type Found = { variable: Variable; end: number } | undefined;

function readVariable(text: string, at: number): Found {
  START.lastIndex = at;
  const [start = "", name = "", operator] = START.exec(text) ?? [];
  const next = at + start.length;
  if (start === "" || operator === "}") {
    return start === "" ? undefined : { variable: { name, source: start }, end: next };
  }
  const found = readDefault(text, next);
  if (found === undefined || text[found.end] !== "}") {
    return undefined;
  }
  const end = found.end + 1;
  return { variable: { name, fallback: found.fallback, source: text.slice(at, end) }, end };
}

/** A default is a text or one variable, and not both: so it is for faas-cli, too. */
function readDefault(
  text: string,
  at: number,
): { fallback: string | Variable; end: number } | undefined {
  if (text.startsWith("${", at)) {
    const nested = readVariable(text, at);
    return nested && { fallback: nested.variable, end: nested.end };
  }
  const end = text.indexOf("}", at);
  const fallback = text.slice(at, end);
  return end < 0 || fallback.includes("${") ? undefined : { fallback, end };
}

function toMistake(text: string, at: number): Finding {
  const line = text.slice(0, at).split("\n").length;
  const [rest = ""] = text.slice(at).split("\n");
  return { field: `line ${line}`, expected: EXPECTED, got: quote(rest) };
}

/** Variables that stand for each other, and what stands for the last. */
export interface Chain {
  names: string[];
  fallback?: string;
}

/** A variable with those that are its defaults. */
export function toChain({ name, fallback }: Variable): Chain {
  if (typeof fallback !== "object") {
    return { names: [name], ...(fallback !== undefined && { fallback }) };
  }
  const rest = toChain(fallback);
  return { ...rest, names: [name, ...rest.names] };
}

/** Name of the variable that has to have a value; undefined where a default is enough. */
export function findNeeded(variable: Variable): string | undefined {
  const { names, fallback } = toChain(variable);
  return fallback === undefined ? names.at(-1) : undefined;
}

/** Values by the names of variables. */
export type Variables = Readonly<Record<string, string>>;

/** The value of a variable; undefined where neither it nor a default is there. */
export function toValue(variable: Variable, variables: Variables): string | undefined {
  const { name, fallback } = variable;
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  if ((value ?? "") === "" && fallback !== undefined) {
    return typeof fallback === "object" ? toValue(fallback, variables) : fallback;
  }
  return value;
}
