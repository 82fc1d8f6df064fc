/** Classes of the program: written anew as a whole, with what they extend before them. */
import { type Builtins, isFunction, prototypesOf, valueOf } from "./builtins.ts";
import { type ClassText, toClassText } from "./class-text.ts";
import type { FunctionRules } from "./function-rules.ts";
import type { AnyFunction } from "./inspect.ts";
import type { MadeValues } from "./made-values.ts";
import { toLimit, toProperties } from "./own-properties.ts";
import { REMEDY, Uncarried } from "./refused.ts";
import type { FunctionSyntax } from "./syntax.ts";

/** What classes need of the rest. */
export interface ClassContext {
  builtins: Builtins;
  made: MadeValues;
  rules: FunctionRules;
  /** Looks at another value first. */
  visit: (value: unknown) => void;
}

export class Classes {
  readonly #context: ClassContext;
  readonly #texts = new Map<AnyFunction, ClassText>();

  constructor(context: ClassContext) {
    this.#context = context;
  }

  has(callable: unknown): boolean {
    return isFunction(callable) && this.#texts.has(callable);
  }

  /** @throws Uncarried for a class that cannot be written anew */
  add(callable: AnyFunction, syntax: FunctionSyntax): void {
    const { made, rules } = this.#context;
    const written = toClassText(callable, syntax, this.#findParent(callable));
    if (written.problem !== undefined) {
      const remedy = "which cannot be carried; write the class inside the callback";
      throw new Uncarried(callable, `is a class that ${written.problem}, ${remedy}`);
    }
    this.#visitStatics(callable, written);
    this.#texts.set(callable, written);
    const content = rules.addClass(callable, syntax, written.text);
    const properties = toProperties(callable).filter(({ key }) => written.statics.includes(key));
    made.make(
      callable,
      (_, slot) =>
        `(${slot} = { __proto__: null }, (function () {\n` +
        `with (${slot}) { return (${written.text}); } })())`,
    );
    made.fill({ target: callable, content, properties, ...toLimit(callable) });
  }

  /** What a static property refers to is made before the class. */
  #visitStatics(callable: AnyFunction, { statics }: ClassText): void {
    const { made, visit } = this.#context;
    for (const key of statics) {
      const value = typeof key === "string" ? valueOf(callable, key) : undefined;
      if (!isFunction(value)) {
        continue;
      }
      visit(value);
      if (!made.has(value)) {
        const what = `is a class with a static function ${String(key)}`;
        throw new Uncarried(callable, `${what}, ${REMEDY}`);
      }
    }
  }

  /** Expression for the class that another one extends; undefined for none. */
  #findParent(callable: AnyFunction): string | undefined {
    const { builtins, made, visit } = this.#context;
    const parent = Object.getPrototypeOf(callable) as AnyFunction;
    // That of a class which extends nothing has all functions' methods.
    if (Object.hasOwn(parent, "bind") && Object.hasOwn(parent, "call")) {
      return undefined;
    }
    visit(parent);
    const name = made.nameOf(parent);
    if (name === undefined || !(this.#texts.has(parent) || builtins.has(parent))) {
      throw new Uncarried(callable, `extends a function that is no class, ${REMEDY}`);
    }
    return name;
  }

  /**
   * Looks at the classes of an object, or of a prototype.
   *
   * @returns whether there is one
   * @throws Uncarried for an object with private members
   */
  visitThoseOf(value: unknown): boolean {
    if ((typeof value !== "object" || value === null) && !isFunction(value)) {
      return false;
    }
    const own = [value, ...prototypesOf(value)].map((holder) => this.#findClass(holder));
    const found = own.filter((callable) => callable !== undefined);
    for (const callable of found) {
      this.#context.visit(callable);
    }
    const secret = own.slice(1).find((it) => it && this.#texts.get(it)?.hasPrivate);
    if (secret) {
      throw new Uncarried(
        value,
        `is of class ${secret.name}, whose private members cannot be carried; ` +
          "make it inside the callback, or capture the single values",
      );
    }
    return found.some((callable) => this.#texts.has(callable));
  }

  /** Whether `value` goes with a class that is known. */
  isPrototype(value: object): boolean {
    return this.has(this.#findClass(value));
  }

  #findClass(prototype: object): AnyFunction | undefined {
    const callable = valueOf(prototype, "constructor");
    const isClass = isFunction(callable) && valueOf(callable, "prototype") === prototype;
    return isClass && !this.#context.builtins.has(callable) ? callable : undefined;
  }

  /** The prototype of an object of the program's own class, which extends one of Node's. */
  findPrototype(value: object): { prototype?: object } {
    const prototype = Object.getPrototypeOf(value) as object;
    const callable = valueOf(prototype, "constructor");
    if (isFunction(callable) && this.#context.builtins.has(callable)) {
      return {};
    }
    if (!this.has(callable)) {
      throw new Uncarried(value, `has a prototype that is of no class, ${REMEDY}`);
    }
    return { prototype };
  }
}
