/** What a schema finds wrong with a request, as `field: expectation, got value`. */
import type { FastifySchemaValidationError } from "fastify";
import {
  quote,
  toExpectation,
  toField,
  toKind,
  toPath,
  withArticle,
} from "../../../contract/index.ts";
import { failures, HttpError } from "../errors.ts";

/** Of these only the kind is shown: they are, or may be, secrets. */
const SENSITIVE = /^(body$|(value|rawValue|code|envVars|password|registryAuth)\b)/;

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
  const expectation = describeExpectation(keyword, finding);
  if (propertyName !== undefined) {
    return `${toField(path)}: ${expectation}, got ${quote(propertyName)}`;
  }
  const field = path.length === 0 ? part : toField(path);
  return `${field}: ${expectation}, got ${toShown(field, finding.data)}`;
}

function describeExpectation(keyword: string, { message, parentSchema }: Partial<Finding>): string {
  const { description, type } = parentSchema ?? {};
  if (keyword === "type" && type !== undefined) {
    return `expected ${withArticle(type)}`;
  }
  return description === undefined
    ? toExpectation(message ?? "expected something else")
    : `expected ${description}`;
}

function toShown(field: string, data: unknown): string {
  if (data === null || typeof data === "object" || SENSITIVE.test(field)) {
    return toKind(data);
  }
  return quote(data);
}
