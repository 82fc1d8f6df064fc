/** Values that the module makes by expressions of our own, and what it then puts into them. */
import type { Part } from "./revive.ts";

/** The one global name beside those of the values: what classes and bound functions refer to. */
const SLOTS = "__plonk_slots";

/** What was found in one closure so far. */
export class MadeValues {
  readonly parts: Part[] = [];
  readonly slots: Record<string, object> = {};
  readonly #made = new Map<unknown, { name: string; expression: string }>();
  #count = 0;
  #before = 0;

  has(value: unknown): boolean {
    return this.#made.has(value);
  }

  /** How the module refers to a value that is made. */
  nameOf(value: unknown): string | undefined {
    const name = this.#made.get(value)?.name;
    return name === undefined ? undefined : `global.${name}`;
  }

  /**
   * Has the value made in a line of its own, after all that are there.
   *
   * @param toExpression is told the value's name and its slot's, which nothing else has
   */
  make(value: unknown, toExpression: (name: string, slot: string) => string): void {
    const name = `__plonk_value_${this.#count++}`;
    this.#made.delete(value);
    this.#made.set(value, { name, expression: "" });
    const expression = toExpression(`global.${name}`, `global.${SLOTS}.${name}`);
    this.#made.set(value, { name, expression });
  }

  /** Fills what a slot refers to. */
  fill(part: Omit<Part, "slot"> & { content: object }): void {
    const { content, ...rest } = part;
    const name = this.#made.get(part.target)?.name ?? "";
    this.parts.push({ ...rest, slot: { name, content } });
  }

  startRound(): void {
    this.#before = this.#size;
  }

  /** Whether this round has found something that the next one must know from its start. */
  get hasGrown(): boolean {
    return this.#size > this.#before;
  }

  get #size(): number {
    return this.#count + this.parts.length;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** What the serializer has to know as global, by name. */
  get globals(): [name: string, value: unknown][] {
    const made = [...this.#made].map(([value, { name }]): [string, unknown] => [name, value]);
    return [...made, [SLOTS, this.slots]];
  }

  /** Makes the values, before the module refers to them. */
  get prelude(): string {
    const lines = [...this.#made.values()].map(
      ({ name, expression }) => `global.${name} = ${expression};\n`,
    );
    return [`global.${SLOTS} = {};\n`, ...lines].join("");
  }
}
