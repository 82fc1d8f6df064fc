/** Texts and names as TypeScript has them, in the one way that prettier leaves alone. */

/** A text as a literal: in double quotes, unless single ones need fewer escapes. */
export function toLiteral(text: string): string {
  const inside = toEscaped(text);
  const doubles = inside.split('\\"').length - 1;
  const singles = inside.split("'").length - 1;
  return doubles > singles
    ? `'${inside.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
    : `"${inside}"`;
}

/** What stands between backticks for a text. */
export function toTemplateText(text: string): string {
  return toEscaped(text).replaceAll('\\"', '"').replaceAll("`", "\\`").replaceAll("${", "\\${");
}

/** Without what would end a line of comment, which JSON leaves as it is. */
function toEscaped(text: string): string {
  return escapeLines(JSON.stringify(text).slice(1, -1));
}

/** Letters that end a line for TypeScript, but not for JSON. */
export function escapeLines(json: string): string {
  return json.replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

/** A text as the key of an object. */
export function toKey(text: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(text) ? text : toLiteral(text);
}

/** Words that cannot be names, and what a program has already under a name. */
const TAKEN =
  "arguments await break case catch class const continue debugger default delete do else enum " +
  "eval export extends false finally for function if implements import in instanceof interface " +
  "let new null package private protected public return static super switch this throw true try " +
  "typeof undefined var void while with yield " +
  "config platform pulumi urls NaN Infinity globalThis platformFromStack readEnvironmentFile " +
  "Function async of get set";

/** Names of a program's constants, no two the same. */
export class Identifiers {
  readonly #taken = new Set(TAKEN.split(" "));

  /** A name for what `text` names: `hello-world` is `helloWorld`. */
  take(text: string): string {
    const words = text.match(/[A-Za-z0-9]+/g) ?? [];
    const [first = "", ...rest] = words.map(toWord);
    const name = first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
    const start = /^[A-Za-z]/.test(name) ? name : `value${name}`;
    let free = start;
    for (let number = 2; this.#taken.has(free); number += 1) {
      // Not `v12` for the second `v1`.
      free = /\d$/.test(start) ? `${start}_${number}` : `${start}${number}`;
    }
    this.#taken.add(free);
    return free;
  }
}

/** `TAG` is `tag`, and what has letters of both cases stays, but for the first. */
function toWord(word: string): string {
  return word === word.toUpperCase() ? word.toLowerCase() : word;
}
