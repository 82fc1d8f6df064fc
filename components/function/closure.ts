/** Turns a closure of the program into code that the runtime image can load. */
import { dirname } from "node:path";
import { ArgumentError } from "../errors.ts";
import { bundleClosure } from "./bundle.ts";
import { toSource } from "./closure/builtins.ts";
import type { AnyFunction } from "./closure/inspect.ts";
import { serializeClosure } from "./closure/serialize.ts";
import { readFunction } from "./closure/syntax.ts";
import { findCaptured, findDefiningFile, type ImportedName, readImports } from "./imports.ts";

/** A function of the program. */
export type Closure = AnyFunction;

/** What was found out, which takes a tenth of a second each time. */
const files = new WeakMap<Closure, string | undefined>();
const importsOfFiles = new Map<string, ImportedName[]>();

/**
 * Checks what can be checked at once.
 *
 * @throws ArgumentError for what is no function, and for a captured import
 */
export function checkCallback(callback: Closure): void {
  if (typeof callback !== "function") {
    throw new ArgumentError(`callback: expected a function, got ${typeof callback}`);
  }
  checkReceiver(callback);
  const file = fileOf(callback);
  if (file === undefined) {
    return;
  }
  const [captured] = findCaptured(callback.toString(), importsOf(file));
  if (!captured) {
    return;
  }
  const { name, source } = captured;
  throw new ArgumentError(
    `callback: expected no captured import, got ${name} from "${source}"; ` +
      `load it inside the callback with await import("${source}")`,
  );
}

/** The runtime calls a callback on no object, as JavaScript does with any bare function. */
function checkReceiver(callback: Closure): void {
  const syntax = readFunction(toSource(callback));
  const name = callback.name || "one";
  if (syntax?.kind === "class") {
    throw new ArgumentError(`callback: expected a function, got the class ${name}`);
  }
  if (syntax?.kind === "function" && syntax.usesThis) {
    throw new ArgumentError(
      `callback: expected a function that does without this, got ${name}; ` +
        "write (event, context) => service.method(event, context)",
    );
  }
}

/**
 * Serializes `callback` with the values that it captures, and bundles what it imports.
 *
 * @returns a CommonJS module that exports `handler`
 * @throws ArgumentError for a captured secret, and what cannot be serialized or compiled
 */
export async function toClosureCode(callback: Closure): Promise<string> {
  const text = await serializeClosure(callback);
  const file = fileOf(callback);
  return bundleClosure(text, file === undefined ? process.cwd() : dirname(file));
}

function fileOf(callback: Closure): string | undefined {
  if (!files.has(callback)) {
    files.set(callback, findDefiningFile(callback));
  }
  return files.get(callback);
}

function importsOf(file: string): ImportedName[] {
  const imports = importsOfFiles.get(file) ?? readImports(file);
  importsOfFiles.set(file, imports);
  return imports;
}
