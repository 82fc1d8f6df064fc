/** What is wrong with a value, in the one wording of all errors: `field: expected …, got …`. */

export interface Finding {
  /** Path of the value, e.g. `limits.memory`, `secrets[1]`, `labels["a/b"]`. */
  field: string;
  /** A noun phrase, e.g. `a quantity such as 128Mi or 100m`. */
  expected: string;
  /** The value as a message may show it. */
  got: string;
}

/** A finding as one sentence. */
export function toText({ field, expected, got }: Finding): string {
  return `${field}: expected ${expected}, got ${got}`;
}

const MAX_SHOWN = 80;

/** What a message shows of a value: all of a short one, the beginning of a long one. */
export function quote(value: unknown): string {
  if (typeof value === "string" && value.length > MAX_SHOWN) {
    return JSON.stringify(`${value.slice(0, MAX_SHOWN - 3)}...`);
  }
  const text = JSON.stringify(value) as string | undefined;
  return text !== undefined && text.length > 2 * MAX_SHOWN
    ? `${text.slice(0, MAX_SHOWN)}...`
    : String(text);
}

/** What a message says of a value that is, or may be, a secret: its kind. */
export function toKind(value: unknown): string {
  if (value === null || value === undefined) {
    return String(value);
  }
  return withArticle(Array.isArray(value) ? "array" : typeof value);
}

/** Ajv's "must be integer" in the wording of all other messages. */
export function toExpectation(message: string): string {
  return message.replace(
    /^must (be )?/,
    (_, be?: string) => `expected ${be === undefined ? "to " : ""}`,
  );
}

export function withArticle(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/** A field's path as messages write it. */
export function toField([first = "", ...path]: readonly string[]): string {
  const rest = path.map((segment) =>
    /^[A-Za-z_]\w*$/.test(segment) ? `.${segment}` : `[${toIndex(segment)}]`,
  );
  return [first, ...rest].join("");
}

function toIndex(segment: string): string {
  return /^\d+$/.test(segment) ? segment : JSON.stringify(segment);
}

/** A JSON pointer's segments (RFC 6901). */
export function toPath(pointer: string): string[] {
  const segments = pointer.split("/").slice(1);
  return segments.map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}
