/** What is Node's own, and where a function finds it again. */
import { builtinModules } from "node:module";
import { types } from "node:util";
import type { AnyFunction, FunctionInspector } from "./inspect.ts";

/** Loading these warns. */
const UNUSED = ["punycode", "sys", "wasi"];

/** An own property that is a value; none for an accessor. */
export function valueOf(holder: object, key: string): unknown {
  return Object.getOwnPropertyDescriptor(holder, key)?.value as unknown;
}

export function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** `x` and what it inherits from, without an object's own properties. */
export function prototypesOf(value: object): object[] {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null ? [] : [prototype, ...prototypesOf(prototype)];
}

/** Whether V8 made it of C++; also what `bind` gives. */
export function isNative(callable: AnyFunction): boolean {
  return toSource(callable).endsWith("{ [native code] }");
}

/** The text of a function, whatever its own `toString` says. */
export function toSource(callable: AnyFunction): string {
  return Function.prototype.toString.call(callable);
}

/** Knows Node's own classes and functions. */
export class Builtins {
  readonly #inspector: FunctionInspector;
  readonly #isBuiltin = new Map<AnyFunction, boolean>();
  #expressions: Map<unknown, string> | undefined;

  constructor(inspector: FunctionInspector) {
    this.#inspector = inspector;
  }

  has(callable: AnyFunction): boolean {
    const known = this.#isBuiltin.get(callable);
    const isBuiltin =
      known ?? (isNative(callable) || this.#inspector.locate(callable).startsWith("node:"));
    this.#isBuiltin.set(callable, isBuiltin);
    return isBuiltin;
  }

  /** Name of Node's class that `value` is of; `Object` for one without. */
  classOf(value: object): string {
    for (const prototype of prototypesOf(value)) {
      const constructor = valueOf(prototype, "constructor");
      if (isFunction(constructor) && this.has(constructor)) {
        return constructor.name;
      }
      const hasOwnClass = isFunction(constructor);
      if (!hasOwnClass && this.#hasNativeMethod(prototype)) {
        return Object.prototype.toString.call(value).slice("[object ".length, -1);
      }
    }
    return "Object";
  }

  #hasNativeMethod(prototype: object): boolean {
    return Object.getOwnPropertyNames(prototype).some((key) => {
      const value = valueOf(prototype, key);
      return isFunction(value) && this.has(value);
    });
  }

  /** An expression for a global of Node's, a module or a member of one; undefined for all else. */
  toExpression(value: unknown): string | undefined {
    this.#expressions ??= collectExpressions();
    const isNamespace = types.isModuleNamespaceObject(value);
    return this.#expressions.get(isNamespace ? Reflect.get(value as object, "default") : value);
  }
}

function collectExpressions(): Map<unknown, string> {
  const found = new Map<unknown, string>();
  const add = (value: unknown, expression: string): void => {
    if (value !== null && ["object", "function"].includes(typeof value) && !found.has(value)) {
      found.set(value, expression);
    }
  };
  for (const key of Object.getOwnPropertyNames(globalThis)) {
    // Accessors of the global object load what few programs need, or warn.
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, key);
    add(descriptor?.value, `global[${JSON.stringify(key)}]`);
  }
  const names = builtinModules.filter((name) => !name.startsWith("_") && !UNUSED.includes(name));
  for (const name of names) {
    const module = process.getBuiltinModule(name) as unknown as object;
    const id = `require(${JSON.stringify(name.startsWith("node:") ? name : `node:${name}`)})`;
    add(module, id);
    for (const key of Object.getOwnPropertyNames(module)) {
      add(valueOf(module, key), `${id}[${JSON.stringify(key)}]`);
    }
  }
  return found;
}
