/** Prints statements as prettier does with its own settings: 80 columns, two blanks a level. */

const WIDTH = 80;

/** An expression: how it is printed where it does not fit depends on its kind. */
export type Expression =
  | { kind: "text" | "name" | "template" | "other"; code: string }
  | { kind: "call"; callee: string; argument: Expression }
  | { kind: "choice"; options: string[] }
  | { kind: "list"; items: string[] }
  | { kind: "object"; entries: Entry[] };

/** `key: value`, `...value` where there is no key, or a name alone where there is no value. */
export interface Entry {
  key?: string;
  value?: Expression;
}

/** `const name = value;` */
export function printConstant(name: string, value: Expression): string {
  return printAssignment(`const ${name} =`, value, { indent: "", end: ";" });
}

/** `const name = new Class(first, { … });` */
export function printNew(
  name: string,
  [constructor, first]: [constructor: string, first: string],
  entries: Entry[],
): string {
  const start = `const ${name} = new ${constructor}(`;
  if (`${start}${first}, {`.length <= WIDTH) {
    return `${start}${first}, ${printObject(entries, "")});`;
  }
  return `${start}\n  ${first},\n  ${printObject(entries, "  ")},\n);`;
}

/** `export const name = { … };` */
export function printExport(name: string, entries: Entry[]): string {
  return `export const ${name} = ${printObject(entries, "")};`;
}

interface Place {
  indent: string;
  /** What follows the expression. */
  end: string;
}

/** What is left of a value, and the value: behind it, or on a line of its own. */
function printAssignment(left: string, value: Expression, { indent, end }: Place): string {
  const flat = toFlat(value);
  if (flat !== undefined && `${indent}${left} ${flat}${end}`.length <= WIDTH) {
    return `${indent}${left} ${flat}${end}`;
  }
  const deeper = `${indent}  `;
  switch (value.kind) {
    case "choice": {
      const fits = `${deeper}${flat ?? ""}${end}`.length <= WIDTH;
      const options = value.options.join(fits ? " || " : ` ||\n${deeper}`);
      return `${indent}${left}\n${deeper}${options}${end}`;
    }
    case "text":
    case "name": {
      // Prettier leaves a text behind a key of four letters at most: a new line gains little.
      const isShort = value.kind === "text" && /^[^[].{0,3}:$/.test(left);
      return isShort
        ? `${indent}${left} ${value.code}${end}`
        : `${indent}${left}\n${deeper}${value.code}${end}`;
    }
    default:
      return `${indent}${left} ${printBroken(value, indent)}${end}`;
  }
}

/** On one line; undefined for what never is. */
function toFlat(value: Expression): string | undefined {
  switch (value.kind) {
    case "choice":
      return value.options.join(" || ");
    case "list":
      return `[${value.items.join(", ")}]`;
    case "object":
      return undefined;
    case "call": {
      const argument = toFlat(value.argument);
      return argument === undefined ? undefined : `${value.callee}(${argument})`;
    }
    default:
      return value.code;
  }
}

/** Over several lines, as far as it can be. */
function printBroken(value: Expression, indent: string): string {
  const deeper = `${indent}  `;
  switch (value.kind) {
    case "object":
      return printObject(value.entries, indent);
    case "list":
      return `[\n${value.items.map((item) => `${deeper}${item},\n`).join("")}${indent}]`;
    case "call": {
      const { callee, argument } = value;
      const flat = toFlat(argument);
      const fits = flat !== undefined && `${deeper}${flat},`.length <= WIDTH;
      const inside = fits ? flat : printBroken(argument, deeper);
      // A template is never put on a line of its own.
      return argument.kind === "template"
        ? `${callee}(${inside})`
        : `${callee}(\n${deeper}${inside},\n${indent})`;
    }
    default:
      return toFlat(value) ?? "";
  }
}

function printObject(entries: Entry[], indent: string): string {
  const deeper = `${indent}  `;
  const lines = entries.map((entry) => `${printEntry(entry, deeper)}\n`);
  return `{\n${lines.join("")}${indent}}`;
}

function printEntry({ key, value }: Entry, indent: string): string {
  if (value === undefined) {
    return `${indent}${key ?? ""},`;
  }
  if (key === undefined) {
    const flat = `${indent}...${toFlat(value) ?? ""},`;
    return flat.length <= WIDTH ? flat : `${indent}...${printBroken(value, indent)},`;
  }
  return printAssignment(`${key}:`, value, { indent, end: "," });
}
