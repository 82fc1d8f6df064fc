/** The options on a benchmark's command line. */
import { parseArgs } from "node:util";

/** A command line that cannot be followed; the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Defaults = Readonly<Record<string, string | number | boolean>>;

/** Options by their names; each has the type of its default. */
type Options<T extends Defaults> = {
  [K in keyof T]: T[K] extends number ? number : T[K] extends boolean ? boolean : string;
};

/**
 * Reads `--name value`, or `--name` alone where the default is a boolean. Numbers are whole and at
 * least 1.
 * @throws UsageError that names the option, what was expected and what came
 */
export function readOptions<T extends Defaults>(args: readonly string[], defaults: T): Options<T> {
  const given = parse(args, defaults);
  const values = Object.entries(defaults).map(([name, fallback]) => {
    const text = given[name];
    return [
      name,
      typeof fallback === "number" ? toCount(name, text, fallback) : (text ?? fallback),
    ];
  });
  return Object.fromEntries(values) as Options<T>;
}

function parse(args: readonly string[], defaults: Defaults): Given {
  const options = Object.entries(defaults).map(([name, fallback]) => [
    name,
    { type: typeof fallback === "boolean" ? "boolean" : "string" } as const,
  ]);
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(options) as OptionTypes })
      .values;
  } catch (error) {
    const usage = Object.entries(defaults).map(([name, fallback]) =>
      typeof fallback === "boolean" ? `--${name}` : `--${name} ${fallback}`,
    );
    const [reason = ""] = (error as Error).message.split(". ");
    throw new UsageError(`${reason}; expected ${usage.join(", ") || "none"}`);
  }
}

type Given = Readonly<Record<string, string | boolean | undefined>>;
type OptionTypes = Record<string, { type: "boolean" | "string" }>;

function toCount(name: string, text: string | boolean | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new UsageError(`${name}: expected a whole number of at least 1, got "${String(text)}"`);
  }
  return value;
}
