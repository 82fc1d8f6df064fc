/** Variables whose values are not known while a stack file is read: a hole in the text for each. */
import { type Part, toValue, type Variable, type Variables } from "./substitution.ts";

/** Where Unicode's private use area begins: YAML takes its letters everywhere in a text. */
const PRIVATE = 0xe000;

/** Fills a text with values, and with holes where there are none. */
export class Holes {
  readonly #mark: string;
  readonly #pattern: RegExp;
  readonly #variables: Variable[] = [];

  /** @param text in which the mark of holes does not occur */
  constructor(text: string) {
    let code = PRIVATE;
    while (text.includes(String.fromCharCode(code))) {
      code += 1;
    }
    this.#mark = String.fromCharCode(code);
    this.#pattern = new RegExp(`${this.#mark}(\\d+)${this.#mark}`);
  }

  /** @param variables undefined where all shall be holes */
  fill(parts: readonly Part[], variables: Variables | undefined): string {
    const toText = (part: Part): string =>
      typeof part === "string" ? part : ((variables && toValue(part, variables)) ?? this.add(part));
    return parts.map(toText).join("");
  }

  /** The hole for a variable. */
  add(variable: Variable): string {
    this.#variables.push(variable);
    return `${this.#mark}${this.#variables.length - 1}${this.#mark}`;
  }

  /** Text and holes, in their order. */
  split(text: string): Part[] {
    return text.split(this.#pattern).flatMap((part, index): Part[] => {
      const variable = index % 2 === 1 ? this.#variables[Number(part)] : undefined;
      return variable !== undefined ? [variable] : part === "" ? [] : [part];
    });
  }

  /** The text as the file has it. */
  restore(text: string): string {
    const parts = this.split(text);
    return parts.map((part) => (typeof part === "string" ? part : part.source)).join("");
  }
}
