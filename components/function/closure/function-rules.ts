/** Rules for a single function: what the serializer would take along wrongly. */
import { types } from "node:util";
import { findCaptured } from "../imports.ts";
import { isFunction, isNative, prototypesOf, toSource, valueOf } from "./builtins.ts";
import type { AnyFunction, FunctionInspector } from "./inspect.ts";
import type { MadeValues } from "./made-values.ts";
import { Uncarried } from "./refused.ts";
import type { FunctionSyntax } from "./syntax.ts";

/** Names that a function finds in its own module, where it runs. */
const OF_MODULES = ["require", "__dirname", "__filename"];

/** A function or class with what is around it. */
interface Reader {
  callable: AnyFunction;
  syntax: FunctionSyntax;
  variables: Map<string, unknown>;
}

/** Looks at each function once, and in the end at all of them. */
export class FunctionRules {
  /** A captured promise that has failed. */
  failed: Promise<unknown> | undefined;
  readonly #readers = new Map<AnyFunction, Reader>();
  readonly #inspector: FunctionInspector;
  readonly #made: MadeValues;

  constructor(inspector: FunctionInspector, made: MadeValues) {
    this.#inspector = inspector;
    this.#made = made;
  }

  /** @throws Uncarried */
  check(callable: AnyFunction, syntax: FunctionSyntax): void {
    if (this.#readers.has(callable)) {
      return;
    }
    if (syntax.kind === "arrow" && syntax.usesThis) {
      const what = "is an arrow function that uses this, which cannot be carried";
      throw new Uncarried(callable, `${what}; give this another name outside of it`);
    }
    const variables = this.#inspector.variables(callable);
    for (const [name, value] of variables) {
      refuseShadow(callable, name, value);
      this.watch(value);
    }
    this.#readers.set(callable, { callable, syntax, variables });
    for (const [root = "", ...keys] of syntax.chains) {
      refusePromise(variables.get(root), keys);
      const whole = findWhole(variables.get(root), keys);
      if (whole !== undefined) {
        this.#made.parts.push({ target: whole });
      }
    }
  }

  /** The variables that the text of a class reads. */
  addClass(callable: AnyFunction, syntax: FunctionSyntax, text: string): Record<string, unknown> {
    const variables = this.#inspector.variables(callable);
    this.#readers.set(callable, { callable, syntax, variables });
    const own = [...variables].filter(([name]) => !OF_MODULES.includes(name));
    return Object.fromEntries(own.filter(([name]) => reads(text, name)));
  }

  /** Serialization ends with what a promise fails with, without its name. */
  watch(value: unknown): void {
    if (types.isPromise(value)) {
      value.catch(() => {
        this.failed ??= value;
      });
    }
  }

  /**
   * Each function gets the variables that it captures for itself.
   *
   * @throws Uncarried for one that a function changes and another one would see unchanged
   */
  refuseSharedVariables(): void {
    for (const { callable, syntax, variables } of this.#readers.values()) {
      const shared = syntax.written.find(
        (name) => variables.has(name) && this.#isReadBeside(callable, name, variables.get(name)),
      );
      if (shared !== undefined) {
        const what = `captured "${shared}" is changed by one function and used by another`;
        const why = "each would get its own; make it a property of an object";
        throw new Uncarried(undefined, `${what}, and ${why}`);
      }
    }
  }

  #isReadBeside(callable: AnyFunction, name: string, value: unknown): boolean {
    return [...this.#readers.values()].some(
      (other) =>
        other.callable !== callable &&
        other.variables.has(name) &&
        Object.is(other.variables.get(name), value) &&
        reads(toSource(other.callable), name),
    );
  }
}

function reads(text: string, name: string): boolean {
  return findCaptured(text, [{ name, source: "" }]).length > 0;
}

/** The serializer takes a name that is global for the global. */
function refuseShadow(callable: AnyFunction, name: string, value: unknown): void {
  const isGlobal = Object.hasOwn(globalThis, name) && name !== "crypto";
  const isForeign = name === "require" ? !isFunction(value) : isGlobal;
  if (isForeign && Reflect.get(globalThis, name) !== value && reads(toSource(callable), name)) {
    const what = `captured "${name}" has the name of a global, which would be taken in its place`;
    throw new Uncarried(undefined, `${what}; give it another name`);
  }
}

/** The serializer awaits promises. */
function refusePromise(root: unknown, keys: string[]): void {
  let current = root;
  for (const key of keys) {
    if (types.isPromise(current)) {
      const what = "is a Promise, which is carried as its value";
      throw new Uncarried(current, `${what}; await it in place of .${key}`);
    }
    if (typeof current !== "object" || current === null || types.isProxy(current)) {
      return;
    }
    current = valueOf(current, key);
  }
}

/**
 * The object of which the serializer would leave out too much, where `keys` are read one after the
 * other: one of which the same is read twice, and one of a class whose method is read.
 */
function findWhole(value: unknown, keys: string[]): object | undefined {
  const read = new Map<object, Set<string>>();
  let current = value;
  for (const key of keys) {
    if (typeof current !== "object" || current === null || types.isProxy(current)) {
      return undefined;
    }
    const known = read.get(current) ?? new Set();
    if (known.has(key) || isMethod(current, key)) {
      return current;
    }
    read.set(current, known.add(key));
    current = valueOf(current, key);
  }
  return undefined;
}

function isMethod(value: object, key: string): boolean {
  const holder = prototypesOf(value).find((prototype) => Object.hasOwn(prototype, key));
  const member = holder && valueOf(holder, key);
  return !Object.hasOwn(value, key) && isFunction(member) && !isNative(member);
}
