/** Reads pasted JavaScript with V8's own parser, in a thread of its own; it does not run it. */
import { Worker } from "node:worker_threads";
import { findHandlerMistake } from "../../../contract/function/handler-export.ts";

/** Longest time for a check, milliseconds. */
const TIMEOUT_MS = 5000;

/** Enough to parse the largest code; a thread that needs more is ended. */
const MEMORY_MIB = 64;

/** One text after the other is read: some threads at once would take the gateway's memory. */
let last: Promise<unknown> = Promise.resolve();

/** What a module that runs nothing exports, or why it cannot be loaded. */
interface ParsedModule {
  exports?: string[];
  problem?: string;
}

/**
 * What is wrong with the text of a module that shall become a function, or undefined: it must
 * parse, import nothing but Node's own modules, and export what can be a handler.
 */
export async function findCodeMistake(text: string): Promise<string | undefined> {
  const parsed = last.then(() => parseModule(text));
  last = parsed.catch(() => undefined);
  const { exports = [], problem } = await parsed;
  if (problem !== undefined) {
    return problem;
  }
  if (exports.includes("default") || exports.includes("handler")) {
    return findHandlerMistake(text);
  }
  const got = exports.length > 0 ? exports.slice(0, 8).join(", ") : "no exports";
  return `expected a default export or an exported handler, got ${got}`;
}

async function parseModule(text: string): Promise<ParsedModule> {
  const worker = new Worker(`(${linkModule.toString()})()`, {
    eval: true,
    workerData: text,
    // `SourceTextModule` is the one way to parse a module without running it.
    execArgv: ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
    stdout: true,
    stderr: true,
  });
  let timer: NodeJS.Timeout | undefined;
  const parsed = await new Promise<ParsedModule>((resolve) => {
    timer = setTimeout(() => resolve({ problem: "took too long to read" }), TIMEOUT_MS);
    worker.once("message", resolve);
    worker.once("error", () => resolve({ problem: "too much to read" }));
  });
  clearTimeout(timer);
  await worker.terminate();
  return parsed;
}

/** Runs in the thread, which gets its text: nothing else of this file is known there. */
async function linkModule(): Promise<void> {
  const threads = await import("node:worker_threads");
  const { isBuiltin } = await import("node:module");
  const { Script, SourceTextModule, SyntheticModule } = await import("node:vm");
  const text = String(threads.workerData);

  /** Only a script's errors have a place: the line counts when a script has the same error. */
  const findPlace = (message: string): string => {
    const blank = (part: string): string => part.replaceAll(/[^\n]/g, " ");
    const script = text
      .replaceAll(/^\s*import\b[^;"']*["'][^"'\n]*["']/gm, blank)
      .replaceAll(/^(\s*)export default\b/gm, "$10,")
      .replaceAll(/^(\s*)export\b/gm, "$1");
    try {
      new Script(`async()=>{${script}\n}`);
    } catch (error) {
      const [, line, same] =
        /^[^\n]*:(\d+)\n[^]*?\nSyntaxError: ([^\n]*)/.exec((error as Error).stack ?? "") ?? [];
      const last = text.split("\n").length;
      return same === message ? ` (line ${Math.min(Number(line), last)})` : "";
    }
    return "";
  };
  let parsed: ParsedModule;
  try {
    const module = new SourceTextModule(text, { identifier: "index.mjs" });
    await module.link(async (name) => {
      if (!isBuiltin(name)) {
        throw new Error(`expected imports of Node's own modules only, got ${JSON.stringify(name)}`);
      }
      const names = Object.keys((await import(name)) as object);
      return new SyntheticModule([...new Set([...names, "default"])], () => undefined);
    });
    const keys = Reflect.ownKeys(module.namespace);
    parsed = { exports: keys.filter((key) => typeof key === "string") };
  } catch (error) {
    const { message } = error as Error;
    parsed = { problem: `${message}${findPlace(message)}` };
  }
  threads.parentPort?.postMessage(parsed);
}
