/**
 * The values that a closure takes along: what the serializer does not know is made by an
 * expression of our own and filled by the reviver; what nobody can carry is refused.
 */
import { createRequire } from "node:module";
import { types } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { Builtins, isFunction, isNative, toSource, valueOf } from "./builtins.ts";
import { Classes } from "./classes.ts";
import { FunctionRules } from "./function-rules.ts";
import type { AnyFunction, Bound, FunctionInspector } from "./inspect.ts";
import { MadeValues } from "./made-values.ts";
import { toNative } from "./natives.ts";
import { toLimit, toMissing, toProperties } from "./own-properties.ts";
import { REMEDY, Uncarried } from "./refused.ts";
import type { Part } from "./revive.ts";
import { type FunctionSyntax, readFunction } from "./syntax.ts";

/** Classes of Node's that the serializer knows. */
const KNOWN = /^(Object|Array|RegExp|Arguments|Function)$/;

const modules = createRequire(import.meta.url).cache;

/** Looks at all values of one closure, over all rounds. */
export class Captured {
  readonly made = new MadeValues();
  readonly rules: FunctionRules;
  /** Outputs among the captured values. */
  readonly outputs = new Set<pulumi.Output<unknown>>();
  /** Objects that are frozen, or the like, again: that captures them whole. */
  readonly limited = new Set<object>();

  readonly #seen = new Set<object>();
  readonly #inspector: FunctionInspector;
  readonly #builtins: Builtins;
  readonly #classes: Classes;
  readonly #unlimited: ReadonlySet<object>;

  /** @param unlimited objects of which only what is read is captured, though they are frozen */
  constructor(inspector: FunctionInspector, unlimited: ReadonlySet<object>) {
    const { made } = this;
    this.rules = new FunctionRules(inspector, made);
    this.#inspector = inspector;
    this.#builtins = new Builtins(inspector);
    this.#unlimited = unlimited;
    const visit = (value: unknown): void => void this.visit(value);
    this.#classes = new Classes({ builtins: this.#builtins, made, rules: this.rules, visit });
  }

  /**
   * Looks at a value that the serializer has come to.
   *
   * @returns whether the serializer goes on with it, in this round
   * @throws Uncarried
   */
  visit(value: unknown): boolean {
    if (this.made.has(value)) {
      return true;
    }
    if (typeof value === "symbol") {
      this.made.make(value, () => toSymbol(value));
      return false;
    }
    return (typeof value === "object" && value !== null) || isFunction(value)
      ? this.#visitReference(value)
      : true;
  }

  #visitReference(value: object): boolean {
    // Outputs are proxies too.
    if (pulumi.Output.isInstance(value)) {
      this.outputs.add(value);
      return true;
    }
    refusePlace(value);
    if (types.isProxy(value)) {
      throw new Uncarried(value, `is a Proxy, ${REMEDY}`);
    }
    if (isLeftOut(value)) {
      return true;
    }
    return isFunction(value) ? this.#visitFunction(value) : this.#visitObject(value);
  }

  #visitFunction(callable: AnyFunction): boolean {
    const bound = isNative(callable) ? this.#inspector.unbind(callable) : undefined;
    if (bound) {
      return this.#makeBound(callable, bound);
    }
    if (this.#builtins.has(callable)) {
      const expression = this.#builtins.toExpression(callable);
      if (expression === undefined) {
        throw new Uncarried(callable, `is a function of Node's own, ${REMEDY}`);
      }
      this.made.make(callable, () => expression);
      return false;
    }
    // Pulumi knows how its own code is serialized.
    if (this.#inspector.locate(callable).includes("/node_modules/@pulumi/pulumi/")) {
      return true;
    }
    const syntax = readFunction(toSource(callable));
    if (syntax?.kind === "class") {
      this.#classes.add(callable, syntax);
      return false;
    }
    return syntax === undefined || this.#checkFunction(callable, syntax);
  }

  #checkFunction(callable: AnyFunction, syntax: FunctionSyntax): boolean {
    if (!syntax.needsHome) {
      this.rules.check(callable, syntax);
      return true;
    }
    // A class that was found in this round has it from the next one on.
    if (this.made.hasGrown) {
      return false;
    }
    throw new Uncarried(
      callable,
      "uses super or a private member, which a function cannot take along without its class; " +
        "call it inside the callback on an object of the class",
    );
  }

  #makeBound(callable: AnyFunction, { target, self, first }: Bound): false {
    refuseFunctionsOf(callable);
    this.#classes.visitThoseOf(self);
    this.made.make(callable, (_, slot) => toForwarder(slot, callable.length));
    const content = { self, target, first: first.map((value) => ({ value })) };
    this.made.fill({ target: callable, content });
    return false;
  }

  #visitObject(value: object): boolean {
    this.rules.watch(value);
    // The serializer refers to what a CommonJS module exports by the module's name.
    const isModule = Object.values(modules).some((module) => module?.exports === value);
    if (types.isPromise(value) || pulumi.Resource.isInstance(value) || isModule) {
      return true;
    }
    const expression = this.#builtins.toExpression(value);
    if (expression !== undefined) {
      this.made.make(value, () => expression);
      return false;
    }
    const isOfClass = this.#classes.visitThoseOf(value);
    if (this.#classes.isPrototype(value)) {
      return !this.made.hasGrown;
    }
    return this.#visitContent(value) && !(isOfClass && this.made.hasGrown);
  }

  #visitContent(value: object): boolean {
    const className = this.#builtins.classOf(value);
    const native = toNative(value, className, (needed) => this.#nameOf(needed));
    if (native) {
      refuseFunctionsOf(value);
      const { expression, content = {}, related } = native;
      // An error's stack is that of the place where it is made.
      const properties = toProperties(value).filter(({ key }) => key !== "stack");
      const prototype = this.#classes.findPrototype(value);
      this.made.parts.push({
        target: value,
        ...content,
        properties,
        ...prototype,
        ...toLimit(value),
      });
      this.made.make(value, (name) => {
        for (const [other, otherExpression] of related?.(name) ?? []) {
          this.made.make(other, () => otherExpression);
        }
        return expression;
      });
      return false;
    }
    // A generator function has a prototype, which is no generator.
    const isPrototype = className.endsWith("Generator") && !types.isGeneratorObject(value);
    if (!isPrototype && !KNOWN.test(className)) {
      const article = /^[AEIOU]/.test(className) ? "an" : "a";
      throw new Uncarried(value, `is ${article} ${className}, ${REMEDY}`);
    }
    this.#mend(value);
    return true;
  }

  #nameOf(value: object): string {
    this.visit(value);
    return this.made.nameOf(value) ?? "";
  }

  /** Adds what the serializer forgets. */
  #mend(value: object): void {
    if (this.#seen.has(value)) {
      return;
    }
    this.#seen.add(value);
    const limit = this.#unlimited.has(value) ? {} : toLimit(value);
    if ("limit" in limit) {
      this.limited.add(value);
    }
    const properties = toMissing(value);
    const missing: Omit<Part, "target"> = {
      ...(properties.length > 0 && { properties }),
      ...(Array.isArray(value) && this.#classes.findPrototype(value)),
      ...limit,
    };
    if (Object.keys(missing).length > 0) {
      this.made.parts.push({ target: value, ...missing });
    }
  }
}

function isLeftOut(value: object): boolean {
  const { doNotCapture, captureReplacement } = value as Record<string, unknown>;
  return doNotCapture === true || isFunction(captureReplacement);
}

/** What is of the place where the program runs. */
function refusePlace(value: object): void {
  if (value === process.env) {
    const remedy = "read it inside the callback, or capture the single value";
    throw new Uncarried(value, `is process.env; ${remedy}`);
  }
  if (!types.isProxy(value) && value instanceof pulumi.Config) {
    const remedy = "read it outside of the callback, and capture the single value";
    throw new Uncarried(value, `is a Config of Pulumi's; ${remedy}`);
  }
}

/** The module fills these values when its functions have been referred to. */
function refuseFunctionsOf(value: object): void {
  const key = Object.getOwnPropertyNames(value).find((name) => isFunction(valueOf(value, name)));
  if (key !== undefined) {
    throw new Uncarried(value, `has a function of its own, ${key}, ${REMEDY}`);
  }
}

function toSymbol(value: symbol): string {
  const known = Object.getOwnPropertyNames(Symbol).find((name) => valueOf(Symbol, name) === value);
  const key = Symbol.keyFor(value);
  if (known !== undefined) {
    return `Symbol.${known}`;
  }
  if (key !== undefined) {
    return `Symbol.for(${JSON.stringify(key)})`;
  }
  const { description } = value;
  return description === undefined ? "Symbol()" : `Symbol(${JSON.stringify(description)})`;
}

/** A function in the place of a bound one, whose target is known when the module is loaded. */
function toForwarder(slot: string, length: number): string {
  return (
    `(${slot} = {}, Object.defineProperty(function (...more) {\n` +
    `  const { target, self, first } = ${slot};\n` +
    "  const all = [...first.map(({ value }) => value), ...more];\n" +
    "  return new.target ? Reflect.construct(target, all) : Reflect.apply(target, self, all);\n" +
    `}, "length", { value: ${length} }))`
  );
}
