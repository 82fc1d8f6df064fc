/** What a schema finds wrong with a request, as `field: expectation, got value`. */
import type { FastifySchemaValidationError } from "fastify";
import { failures, HttpError } from "../errors.ts";

/** Of these only the kind is shown: they are, or may be, secrets. */
const SENSITIVE = /^(body$|(value|rawValue|code|envVars|password)\b)/;

const MAX_SHOWN = 80;

/** A finding with what the option `verbose` of Ajv adds. */
type Finding = FastifySchemaValidationError & {
  data?: unknown;
  /** Of a finding about the name of a property. */
  propertyName?: string;
  parentSchema?: {
    description?: string;
    type?: string;
    [alternatives: string]: { required?: string[] }[] | string | undefined;
  };
};

/** For Fastify's `schemaErrorFormatter`: the first finding in one sentence, status 400. */
export function toValidationError(findings: Finding[], part: string): Error {
  const [first] = findings;
  const last = findings.at(-1);
  if (first === undefined || last === undefined) {
    return new HttpError(failures.badRequest(`${part}: expected something else`));
  }
  const isChoice = last.keyword === "anyOf" || last.keyword === "oneOf";
  if (!isChoice) {
    return new HttpError(failures.badRequest(toText(first, part)));
  }
  return new HttpError(
    failures.badRequest(
      isObject(last.data)
        ? toChoice(last, findings.length)
        : toText({ ...last, keyword: "type" }, part),
    ),
  );
}

function isObject(data: unknown): boolean {
  return typeof data === "object" && data !== null && !Array.isArray(data);
}

/** Of some fields, one has to be there: each that is missing is a finding before the last one. */
function toChoice({ keyword, parentSchema }: Finding, count: number): string {
  const alternatives = parentSchema?.[keyword];
  const fields = Array.isArray(alternatives)
    ? alternatives.flatMap(({ required = [] }) => required)
    : [];
  const expectation = `expected ${fields.join(" or ")}`;
  return `${fields[0] ?? ""}: ${expectation}, got ${count > 1 ? "neither" : "both"}`;
}

function toText(finding: Finding, part: string): string {
  const { keyword, instancePath, params, propertyName } = finding;
  const path = toPath(instancePath);
  if (keyword === "required") {
    return `${toField([...path, String(params["missingProperty"])])}: expected a value, got none`;
  }
  const expectation = toExpectation(keyword, finding);
  if (propertyName !== undefined) {
    return `${toField(path)}: ${expectation}, got ${quote(propertyName)}`;
  }
  const field = path.length === 0 ? part : toField(path);
  return `${field}: ${expectation}, got ${toShown(field, finding.data)}`;
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
