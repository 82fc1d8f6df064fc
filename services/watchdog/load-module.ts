/** Loads a function's module and detects the kind of its handler. */
import { pathToFileURL } from "node:url";
import { answerEvent, type EventOptions } from "./answer-event.ts";
import { answerFetch } from "./answer-fetch.ts";
import type { CallHandler } from "./call.ts";

/**
 * Loads the module and wraps its handler. Throws an Error with a reason in one line when the
 * module cannot be loaded (the first error is its `cause`) or exports no handler.
 */
export async function loadModule(path: string, options: EventOptions): Promise<CallHandler> {
  const exported = await importModule(path);
  const handler = findHandler(exported, options);
  if (handler === undefined) {
    const names = Object.entries(exported).map(([name, value]) => `${name} (${toKind(value)})`);
    throw new Error(
      `${path}: expected as default export a function (event, context) or an object with ` +
        `fetch(request), or a function named handler, got ${names.join(", ") || "no exports"}`,
    );
  }
  return handler;
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${path}: failed to load: ${describe(error)}`, { cause: error });
  }
}

/** An error in one line, with its class, as in the first line of its stack. */
function describe(error: unknown): string {
  return String(error).split("\n", 1)[0] ?? "";
}

function findHandler(
  exported: Record<string, unknown>,
  options: EventOptions,
): CallHandler | undefined {
  const main = exported["default"];
  // The default export of a CommonJS module is the whole module, which has one of its own where a
  // compiler has written it (`__esModule`); a serialized closure has a handler.
  const inner = member(main, "default");
  for (const holder of [main, inner]) {
    const fetch = member(holder, "fetch");
    if (isCallable(fetch)) {
      return answerFetch(fetch.bind(holder));
    }
  }
  const candidates = [main, exported["handler"], inner, member(main, "handler")];
  const handler = candidates.find(isCallable);
  return handler === undefined ? undefined : answerEvent(handler, options);
}

function toKind(value: unknown): string {
  return typeof value === "function" && isClass(value) ? "class" : typeof value;
}

/** A class is called by `new` only. */
function isCallable(value: unknown): value is (...parameters: unknown[]) => unknown {
  return typeof value === "function" && !isClass(value);
}

function isClass(value: object): boolean {
  return Function.prototype.toString.call(value).startsWith("class");
}

function member(value: unknown, name: string): unknown {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  return isObject ? (value as Record<string, unknown>)[name] : undefined;
}
