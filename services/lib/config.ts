/** Typed configuration from the environment; an invalid variable prevents the start. */
import envSchema from "env-schema";
import type { Static, TObject } from "typebox";
import { toExpectation } from "../../contract/finding.ts";
import { DURATION } from "../../contract/grammar.ts";

export class ConfigError extends Error {
  override name = "ConfigError";
}

interface SchemaProblem {
  instancePath: string;
  keyword: string;
  message?: string;
  params: Record<string, unknown>;
}

/**
 * Reads the settings that `schema` names from `env`; an empty variable counts as not set.
 * Throws a ConfigError with one `variable: expectation, got value` line per invalid variable.
 */
export function loadConfig<T extends TObject>(
  schema: T,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Static<T> {
  const data = Object.fromEntries(
    Object.keys(schema.properties)
      .map((name) => [name, env[name]])
      .filter(([, value]) => value !== undefined && value !== ""),
  ) as Record<string, unknown>;
  try {
    return envSchema<Static<T>>({ schema: structuredClone({ ...schema }), data, env: false });
  } catch (error) {
    const problems = (error as { errors?: SchemaProblem[] }).errors;
    if (problems === undefined) {
      throw error;
    }
    throw new ConfigError(describeProblems(problems, data));
  }
}

function describeProblems(problems: SchemaProblem[], data: Record<string, unknown>): string {
  const lines = new Map<string, string>();
  for (const problem of problems) {
    const { instancePath, params } = problem;
    const missing = params["missingProperty"];
    const name = typeof missing === "string" ? missing : instancePath.slice(1);
    const got = typeof missing === "string" ? "nothing" : JSON.stringify(data[name]);
    lines.set(name, lines.get(name) ?? `${name}: ${describeExpectation(problem)}, got ${got}`);
  }
  return [...lines.values()].join("\n");
}

function describeExpectation({ keyword, message, params }: SchemaProblem): string {
  if (keyword === "required") {
    return "expected a value";
  }
  if (params["pattern"] === DURATION) {
    return "expected a duration such as 1m5s or whole seconds";
  }
  const allowed = params["allowedValues"];
  return Array.isArray(allowed)
    ? `expected one of ${allowed.join(", ")}`
    : toExpectation(message ?? keyword);
}
