/** What a schema finds wrong with a request, as `field: expectation, got value`. */
import type { FastifySchemaValidationError } from "fastify";
import { BadRequest } from "./errors.ts";

/** Of these only the kind is shown: they are, or may be, secrets. */
const SENSITIVE = /^(value|rawValue|code|envVars|password)\b/;

const MAX_SHOWN = 80;

/** A finding with what the option `verbose` of Ajv adds. */
type Finding = FastifySchemaValidationError & {
  data?: unknown;
  parentSchema?: { description?: string; type?: string };
};

/** For Fastify's `schemaErrorFormatter`: the first finding in one sentence, status 400. */
export function toValidationError(findings: Finding[], part: string): Error {
  const [first] = findings;
  return new BadRequest(
    first === undefined ? `${part}: expected something else` : toText(first, part),
  );
}

function toText({ keyword, instancePath, params, ...rest }: Finding, part: string): string {
  const path = toPath(instancePath);
  if (keyword === "required") {
    return `${toField([...path, String(params["missingProperty"])])}: expected a value, got none`;
  }
  const field = path.length === 0 ? part : toField(path);
  const expectation = toExpectation(keyword, rest);
  return `${field}: ${expectation}, got ${toShown(field, rest.data)}`;
}

function toExpectation(keyword: string, { message, parentSchema }: Partial<Finding>): string {
  const { description, type } = parentSchema ?? {};
  if (keyword === "type" && type !== undefined) {
    return `expected ${withArticle(type)}`;
  }
  return description === undefined
    ? (message ?? "expected something else")
    : `expected ${description}`;
}

/** A JSON pointer's segments (RFC 6901). */
function toPath(pointer: string): string[] {
  const segments = pointer.split("/").slice(1);
  return segments.map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function toField([first = "", ...path]: string[]): string {
  const rest = path.map((segment) =>
    /^[A-Za-z_]\w*$/.test(segment) ? `.${segment}` : `[${toIndex(segment)}]`,
  );
  return [first, ...rest].join("");
}

function toIndex(segment: string): string {
  return /^\d+$/.test(segment) ? segment : JSON.stringify(segment);
}

function toShown(field: string, data: unknown): string {
  if (data === null || typeof data === "object" || SENSITIVE.test(field)) {
    return toKind(data);
  }
  return quote(data);
}

function toKind(data: unknown): string {
  if (data === null) {
    return "null";
  }
  return withArticle(Array.isArray(data) ? "array" : typeof data);
}

function withArticle(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

/** What a message shows of a value: all of a short one, the beginning of a long one. */
export function quote(data: unknown): string {
  const text = JSON.stringify(data);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
