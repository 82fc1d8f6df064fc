/** Reads the registries.yaml for the nodes of a cluster on this machine. */
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";

/** The fields that k3s supports. */
const FIELDS = ["mirrors", "configs"];

/**
 * The content of a `registries.yaml`; refuses files with which k3s would not start.
 *
 * @throws pulumi.RunError with one line that quotes nothing of the file, which may have logins
 */
export function loadRegistries(path: string): string {
  const text = readText(path);
  const fields = toFields(text);
  const unknown = fields?.find((field) => !FIELDS.includes(field));
  if (fields !== undefined && unknown === undefined) {
    return text;
  }
  const got = unknown === undefined ? "something else" : `"${unknown}"`;
  throw new pulumi.RunError(
    `plonk:registries: expected YAML with ${FIELDS.join(" and ")} in ${path}, got ${got}`,
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new pulumi.RunError(`plonk:registries: expected a file at ${path}, got ${code}`);
  }
}

function toFields(text: string): string[] | undefined {
  try {
    const value: unknown = parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? Object.keys(value) : undefined;
  } catch {
    // The parser's message quotes the file.
    return undefined;
  }
}
