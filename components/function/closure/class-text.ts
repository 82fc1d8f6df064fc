/** Writes a class anew, with another text for what it extends and without what it ran once. */
import type { SyntaxNode } from "../../../contract/function/syntax-tree.ts";
import { isFunction, toSource, valueOf } from "./builtins.ts";
import type { AnyFunction } from "./inspect.ts";
import type { FunctionSyntax } from "./syntax.ts";

/** A class as text. */
export interface ClassText {
  text: string;
  /** Static properties that the text does not make. */
  statics: (string | symbol)[];
  /** Whether its objects have members that only it can reach. */
  hasPrivate: boolean;
  /** What keeps it from being written anew. */
  problem?: string;
}

const NAME = /^[A-Za-z_$][\w$]*$/;
const FUNCTION = /^(Arrow)?FunctionExpression$/;

/** @param parent expression for what it extends; undefined leaves its text as it is */
export function toClassText(
  made: AnyFunction,
  syntax: FunctionSyntax,
  parent: string | undefined,
): ClassText {
  const { node, text } = syntax;
  const members = (node["body"] as { body: SyntaxNode[] }).body;
  const edits: [start: number, end: number, text: string][] = members
    .filter((member) => isRunOnce(member))
    .map(({ start, end }) => [start, end, ""]);
  const extended = node["superClass"] as SyntaxNode | null;
  if (extended !== null && parent !== undefined) {
    edits.push([extended.start, extended.end, parent]);
  }
  const problem = findProblem(made, members, text);
  return {
    text: apply(edits, text, node),
    statics: findStatics(made, node, members),
    hasPrivate: members.some((member) => isPrivate(member) && member["static"] !== true),
    ...(problem !== undefined && { problem }),
  };
}

/** The value that it gave is there: a static field or block. A function is written, not run. */
function isRunOnce({ type, value, ...member }: SyntaxNode): boolean {
  const isFunctionText = FUNCTION.test((value as SyntaxNode | null)?.type ?? "");
  return (
    type === "StaticBlock" ||
    (type === "PropertyDefinition" && member["static"] === true && !isFunctionText)
  );
}

function apply(edits: [number, number, string][], text: string, node: SyntaxNode): string {
  let [result, end] = ["", node.end];
  for (const [start, stop, written] of edits.toSorted(([a], [b]) => b - a)) {
    result = written + text.slice(stop, end) + result;
    end = start;
  }
  return text.slice(node.start, end) + result;
}

function isPrivate({ key }: SyntaxNode): boolean {
  return (key as SyntaxNode | undefined)?.type === "PrivateIdentifier";
}

/** The name of a member; undefined for a computed one and for a block. */
function nameOf({ key, computed }: SyntaxNode): string | undefined {
  const { name, value } = (key ?? {}) as Record<string, unknown>;
  return computed === true || key === undefined ? undefined : String(name ?? value);
}

function isComputedAnew({ key, computed }: SyntaxNode): boolean {
  const { type, object } = (key ?? {}) as { type?: string; object?: { name?: string } };
  return computed === true && type !== "Literal" && object?.name !== "Symbol";
}

function findProblem(made: AnyFunction, members: SyntaxNode[], text: string): string | undefined {
  if (members.some((member) => isPrivate(member) && member["static"] === true)) {
    return "has private static members";
  }
  if (members.some(isComputedAnew)) {
    return "has members with computed names";
  }
  const prototype = valueOf(made, "prototype") as object;
  const names = new Set(members.map(nameOf));
  const unknown = Object.getOwnPropertyNames(prototype).find(
    (name) => name !== "constructor" && !names.has(name),
  );
  const changed = unknown ?? findChanged(made, prototype, { members, text });
  if (changed !== undefined) {
    return `was given another ${changed} after it was written`;
  }
  const odd = members.map(nameOf).find((name) => name !== undefined && !NAME.test(name));
  return odd === undefined ? undefined : `has a member named ${JSON.stringify(odd)}`;
}

/** Name of a method that is not what the class's text says. */
function findChanged(
  made: AnyFunction,
  prototype: object,
  { members, text }: { members: SyntaxNode[]; text: string },
): string | undefined {
  const changed = members.find((member) => {
    const name = nameOf(member);
    const kind = member["kind"];
    if (member.type !== "MethodDefinition" || kind === "constructor" || name === undefined) {
      return false;
    }
    if (isPrivate(member)) {
      return false;
    }
    const holder = member["static"] === true ? made : prototype;
    const found = Object.getOwnPropertyDescriptor(holder, name);
    const callable: unknown = Reflect.get(found ?? {}, kind === "method" ? "value" : String(kind));
    const written = text.slice(member.start, member.end);
    return !isFunction(callable) || !written.endsWith(toSource(callable));
  });
  return changed && nameOf(changed);
}

function findStatics(
  made: AnyFunction,
  node: SyntaxNode,
  members: SyntaxNode[],
): ClassText["statics"] {
  const written = members
    .filter((member) => member["static"] === true && !isRunOnce(member))
    .map(nameOf);
  const own = (node["id"] as { name?: string } | null)?.name;
  return Reflect.ownKeys(made).filter((key) => {
    if (key === "name") {
      return made.name !== own && !written.includes("name");
    }
    if (typeof key === "symbol") {
      return !members.some((member) => member["static"] === true && member["computed"] === true);
    }
    return key !== "length" && key !== "prototype" && !written.includes(key);
  });
}
