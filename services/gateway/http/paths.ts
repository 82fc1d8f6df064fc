/** Request targets: cleaning as OpenFaaS' router does it, and the split of function paths. */
import { NAME_PATTERN } from "../../../contract/index.ts";

const DOT = /^(?:\.|%2e)$/i;
const DOT_DOT = /^(?:\.|%2e){2}$/i;

/** What `cleanPath` would change: an empty, a dot or a dot-dot segment. */
const UNCLEAN = /\/(?:\.|%2e){0,2}\/|\/(?:\.|%2e){1,2}$/i;

/**
 * The path without empty, `.` and `..` segments; a last slash stays. Other escapes stay as they
 * were sent: a function may depend on `%2F`.
 */
export function cleanPath(path: string): string {
  if (path.startsWith("/") && !UNCLEAN.test(path)) {
    return path;
  }
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (DOT_DOT.test(segment)) {
      kept.pop();
    } else if (segment !== "" && !DOT.test(segment)) {
      kept.push(segment);
    }
  }
  const cleaned = `/${kept.join("/")}`;
  return path.endsWith("/") && cleaned !== "/" ? `${cleaned}/` : cleaned;
}

/** Cheap, and false for nearly all paths. */
const MAY_ASCEND = /(?:\.|%2e){2}/i;

/** Whether `..` leads above the root, where `%2F` is a slash, too: nginx refuses such a path. */
export function leadsAboveRoot(path: string): boolean {
  if (!MAY_ASCEND.test(path)) {
    return false;
  }
  let depth = 0;
  for (const segment of path.split(/\/|%2f/i)) {
    if (DOT_DOT.test(segment)) {
      depth -= 1;
    } else if (segment !== "" && !DOT.test(segment)) {
      depth += 1;
    }
    if (depth < 0) {
      return true;
    }
  }
  return false;
}

export interface Target {
  path: string;
  /** With its question mark, or empty. */
  query: string;
}

/**
 * Path and query of a request target in origin form or absolute form (RFC 9112 §3.2).
 * Undefined for anything else.
 */
export function splitTarget(target: string): Target | undefined {
  if (target.startsWith("/")) {
    return splitQuery(target);
  }
  const origin = /^https?:\/\/[^/?#]*/i.exec(target)?.[0] ?? "";
  const local = target.slice(origin.length) || "/";
  const isAbsolute = origin !== "" && /^[/?]/.test(local);
  return isAbsolute ? splitQuery(local) : undefined;
}

function splitQuery(target: string): Target {
  const mark = target.indexOf("?");
  return mark === -1
    ? { path: target, query: "" }
    : { path: target.slice(0, mark) || "/", query: target.slice(mark) };
}

export const PREFIX = { sync: "/function/", async: "/async-function/" } as const;

export interface FunctionPath {
  /** The raw segment, `name` or `name.namespace`. */
  segment: string;
  /** What follows the name, as it was sent; empty or beginning with a slash. */
  rest: string;
}

/** Splits `/function/<name>[/<rest>]`; undefined when there is no such name. */
export function splitFunctionPath(path: string, prefix: string): FunctionPath | undefined {
  const slash = path.indexOf("/", prefix.length);
  const end = slash === -1 ? path.length : slash;
  const segment = path.slice(prefix.length, end);
  return NAME_PATTERN.test(segment) ? { segment, rest: path.slice(end) } : undefined;
}
