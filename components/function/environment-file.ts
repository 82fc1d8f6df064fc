/** Variables of functions from files of their own: `environment_file` of a stack file. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { toText } from "../../contract/index.ts";
import { readEnvironmentText } from "../../contract/stack-file/index.ts";
import { ArgumentError } from "../errors.ts";

/**
 * Reads an environment file of OpenFaaS: YAML with a map `environment`.
 *
 * @param file path, relative to the program's directory, or `file:` URL
 *
 * @example
 * new Function("hello", {
 *   platform,
 *   image: "ghcr.io/acme/hello:1.0.0",
 *   environment: { ...readEnvironmentFile(import.meta.resolve("./hello.env.yml")), MODE: "loud" },
 * });
 */
export function readEnvironmentFile(file: string): Record<string, string> {
  const { environment, mistakes } = loadEnvironment(file, toPath(file));
  if (mistakes.length > 0) {
    throw new pulumi.RunError(mistakes.join("\n"));
  }
  return environment;
}

/**
 * Reads an environment file. What is wrong is a line each.
 *
 * @param field what messages call the file
 */
export function loadEnvironment(
  field: string,
  path: string,
): { environment: Record<string, string>; mistakes: string[] } {
  try {
    const { environment, mistakes } = readEnvironmentText(readText(field, path));
    return { environment, mistakes: mistakes.map((each) => `${field}, ${toText(each)}`) };
  } catch (error) {
    if (error instanceof ArgumentError) {
      return { environment: {}, mistakes: [error.message] };
    }
    throw error;
  }
}

/** Path of a file that an argument names. */
export function toPath(file: string): string {
  return file.startsWith("file:") ? fileURLToPath(file) : resolve(file);
}

/** @throws ArgumentError where there is no such file */
export function readText(field: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "an error" } = error as NodeJS.ErrnoException;
    throw new ArgumentError(`${field}: expected a file, got ${code} at ${path}`);
  }
}
