/** Turns a closure of the program into code that the runtime image can load. */
import { dirname } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { FUNCTION_PATHS } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";
import { bundleClosure } from "./bundle.ts";
import { findCaptured, findDefiningFile, type ImportedName, readImports } from "./imports.ts";

/** A function of the program. */
export type Closure = (...parameters: never[]) => unknown;

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

/**
 * Serializes `callback` with the values that it captures, and bundles what it imports.
 *
 * @returns a CommonJS module that exports `handler`
 * @throws ArgumentError for a captured secret, and what cannot be serialized or compiled
 */
export async function toClosureCode(callback: Closure): Promise<string> {
  const { text, containsSecrets } = await serialize(callback);
  if (containsSecrets) {
    throw new ArgumentError(
      "callback: expected no captured secret, got one; pass it as a FunctionSecret in secrets " +
        `and read ${FUNCTION_PATHS.secrets}/<name>`,
    );
  }
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

async function serialize(callback: Closure): Promise<pulumi.runtime.SerializedFunction> {
  try {
    return await pulumi.runtime.serializeFunction(callback, { allowSecrets: true });
  } catch (error) {
    throw new ArgumentError(`callback: cannot be serialized: ${toReason(error)}`);
  }
}

/** Pulumi's report in one line, without the text of the function at its end. */
function toReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const [report = ""] = message.split(/\n\s*Function code:/);
  const lines = report.split("\n").filter((line) => !line.startsWith("Error serializing"));
  const reason = lines.join(" ").replace(/\s+/g, " ").trim();
  return reason.length > 300 ? `${reason.slice(0, 297)}...` : reason;
}
