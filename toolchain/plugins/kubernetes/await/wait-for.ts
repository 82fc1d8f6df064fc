/** The annotation `pulumi.com/waitFor`: `condition=Type[=Status]`, `jsonpath={...}[=value]`. */
import type { Bag, Value } from "../../lib/values.ts";
import { getItems, getString } from "../metadata.ts";
import {
  describeCondition,
  failed,
  findCondition,
  READY,
  waiting,
  type Readiness,
} from "./conditions.ts";

const CONDITION = /^condition=([^=]+)(?:=(.+))?$/;
const JSONPATH = /^jsonpath=(\{[^}]+\})(?:=(.*))?$/;

/** Ready when every expression holds. The annotation has one, or a JSON array of several. */
export async function checkWaitFor(object: Bag, annotation: string): Promise<Readiness> {
  for (const expression of parseExpressions(annotation)) {
    const readiness = await checkExpression(object, expression);
    if (readiness.state !== "ready") return readiness;
  }
  return READY;
}

/**
 * What is wrong with the annotation; undefined when it can be waited for. For a check in preview.
 */
export function findWaitForProblem(annotation: string): string | undefined {
  const expressions = parseExpressions(annotation);
  const wrong = expressions.find((text) => !CONDITION.test(text) && !JSONPATH.test(text));
  return wrong === undefined
    ? undefined
    : `expected condition=<type>[=<status>] or jsonpath={<path>}[=<value>], got ${wrong}`;
}

function parseExpressions(annotation: string): string[] {
  if (!annotation.trimStart().startsWith("[")) return [annotation];
  try {
    const parsed = JSON.parse(annotation) as unknown;
    return Array.isArray(parsed) ? parsed.map(String) : [annotation];
  } catch {
    return [annotation];
  }
}

async function checkExpression(object: Bag, expression: string): Promise<Readiness> {
  const [, type, status] = CONDITION.exec(expression) ?? [];
  if (type !== undefined) return checkCondition(object, type, status ?? "True");
  const [, path, value] = JSONPATH.exec(expression) ?? [];
  if (path !== undefined) return checkPath(object, path, value);
  return failed(findWaitForProblem(expression) ?? expression);
}

function checkCondition(object: Bag, type: string, status: string): Readiness {
  const condition = findCondition(object, type);
  const found = getString(condition, "status") ?? "";
  if (found.toLowerCase() === status.toLowerCase()) return READY;
  if (condition !== undefined) return waiting(describeCondition(condition));
  const others = getItems(object, "status", "conditions").map(describeCondition);
  return waiting([`no current condition ${type}`, ...others].join("; "));
}

async function checkPath(object: Bag, path: string, value: string | undefined): Promise<Readiness> {
  // Not on the way of the runs that need it not: the library is not small.
  const { JSONPath } = await import("jsonpath-plus");
  const results = JSONPath<Value[]>({
    path: toJsonPath(path),
    json: object,
    eval: "safe",
  });
  const wanted = value === undefined ? "" : ` to be ${value}`;
  const isMet = results.some((found) => value === undefined || toText(found) === value);
  return isMet ? READY : waiting(`waiting for ${path}${wanted}`);
}

/** `{.status.phase}` as kubectl writes it; the library wants `$.status.phase`. */
function toJsonPath(path: string): string {
  const inner = path.slice(1, -1);
  return inner.startsWith("$") ? inner : `$${inner.startsWith(".") ? "" : "."}${inner}`;
}

function toText(value: Value): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
