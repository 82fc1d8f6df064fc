/** The options on a benchmark's command line. */
import type { ParseArgsOptionDescriptor } from "node:util";
import { CommandError, readArguments } from "../cli/process.ts";

type Defaults = Readonly<Record<string, string | number | boolean>>;

/** Options by their names; each has the type of its default. */
type Options<T extends Defaults> = {
  [K in keyof T]: T[K] extends number ? number : T[K] extends boolean ? boolean : string;
};

/**
 * Reads `--name value`, or `--name` alone where the default is a boolean. Numbers are whole and at
 * least 1.
 * @throws CommandError that names the option, the expected and the given value
 */
export function readOptions<T extends Defaults>(args: readonly string[], defaults: T): Options<T> {
  const values = Object.entries(parse(args, defaults)).map(([name, value]) => [
    name,
    typeof defaults[name] === "number" ? toCount(name, String(value)) : value,
  ]);
  return Object.fromEntries(values) as Options<T>;
}

function parse(args: readonly string[], defaults: Defaults): Record<string, unknown> {
  const options = Object.entries(defaults).map(([name, value]) => [name, toDescriptor(value)]);
  const config = { args: [...args], options: Object.fromEntries(options) as Descriptors };
  return readArguments(config, (reason) => {
    const usage = Object.entries(defaults).map(([name, value]) =>
      typeof value === "boolean" ? `--${name}` : `--${name} ${value}`,
    );
    return `${reason}; expected ${usage.join(", ") || "none"}`;
  }).values;
}

type Descriptors = Record<string, ParseArgsOptionDescriptor>;

function toDescriptor(value: string | number | boolean): ParseArgsOptionDescriptor {
  return typeof value === "boolean"
    ? { type: "boolean", default: value }
    : { type: "string", default: String(value) };
}

function toCount(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new CommandError(`${name}: expected a whole number of at least 1, got "${text}"`);
  }
  return value;
}
