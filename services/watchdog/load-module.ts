/** Loads a function's module and detects the kind of its handler. */
import { pathToFileURL } from "node:url";
import { answerEvent, type EventFunction, type EventOptions } from "./answer-event.ts";
import { answerFetch, type FetchFunction } from "./answer-fetch.ts";
import type { CallHandler } from "./call.ts";

/**
 * Loads the module and wraps its handler. Throws an Error with a reason in one line when the
 * module cannot be loaded (the first error is its `cause`) or exports no handler.
 */
export async function loadModule(path: string, options: EventOptions): Promise<CallHandler> {
  const exported = await importModule(path);
  const handler = findHandler(exported, options);
  if (handler === undefined) {
    const names = Object.keys(exported).join(", ");
    throw new Error(
      `${path}: expected as default export a function (event, context) or an object with ` +
        `fetch(request), or a function named handler, got ${names === "" ? "no exports" : names}`,
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
  const fetch = member(main, "fetch");
  if (typeof fetch === "function") {
    return answerFetch(fetch.bind(main) as FetchFunction);
  }
  // The default export of a CommonJS module (a serialized closure) is the whole module.
  const candidates = [main, exported["handler"], member(main, "handler")];
  const handler = candidates.find((candidate) => typeof candidate === "function");
  return handler === undefined ? undefined : answerEvent(handler as EventFunction, options);
}

function member(value: unknown, name: string): unknown {
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  return isObject ? (value as Record<string, unknown>)[name] : undefined;
}
