/** Reads the text of a function, as `toString` gives it. */
import { partsOf, type SyntaxNode, tryParse } from "../../../contract/function/syntax-tree.ts";

/** What the text of a function says. */
export interface FunctionSyntax {
  kind: "arrow" | "class" | "function";
  /** Whether it needs an object to be called on. */
  usesThis: boolean;
  /** Whether it says `super` or `#name` of a class or an object around it. */
  needsHome: boolean;
  /** Properties that it reads by name, of variables: `a.b.c` is `["a", "b", "c"]`. */
  chains: string[][];
  /** Variables that it assigns to. */
  written: string[];
  node: SyntaxNode;
  /** The text that positions in `node` count in. */
  text: string;
}

/** How a function's text stands alone; that of a method is none of an expression. */
const FRAMES = [
  ["(", ")"],
  ["(class {", "})"],
  ["(class { static ", "})"],
] as const;

/** Nothing for a text that cannot be read, which is the serializer's to refuse. */
export function readFunction(code: string): FunctionSyntax | undefined {
  for (const [before, after] of FRAMES) {
    const text = `${before}${code}${after}`;
    const program = tryParse(text, { checkPrivateFields: false, allowSuperOutsideMethod: true });
    if (program !== undefined) {
      const node = findFunction(program, before === "(");
      return { ...judge(node), node, text };
    }
  }
  return undefined;
}

function findFunction(program: SyntaxNode, isExpression: boolean): SyntaxNode {
  const [statement] = program["body"] as [SyntaxNode];
  const expression = statement["expression"] as SyntaxNode;
  if (isExpression) {
    return expression;
  }
  const [method] = (expression["body"] as { body: [SyntaxNode] }).body;
  return method["value"] as SyntaxNode;
}

function judge(node: SyntaxNode): Omit<FunctionSyntax, "node" | "text"> {
  const parts = [...walk(node)];
  const isThis = ({ part, isOwn }: Visit): boolean => isOwn && /^(This|Super)/.test(part.type);
  const isOfHome = ({ part, isOutside }: Visit): boolean =>
    isOutside && /^(Super|PrivateIdentifier)$/.test(part.type);
  const kind = toKind(node.type);
  return {
    kind,
    usesThis: parts.some(isThis),
    needsHome: kind !== "class" && parts.some(isOfHome),
    chains: parts.map(({ part }) => toChain(part)).filter((chain) => chain.length > 1),
    written: parts.map(({ part }) => toWritten(part)).filter((name) => name !== undefined),
  };
}

function toKind(type: string): FunctionSyntax["kind"] {
  if (type === "ClassExpression") {
    return "class";
  }
  return type === "ArrowFunctionExpression" ? "arrow" : "function";
}

/** The variable that an assignment is to. */
function toWritten(part: SyntaxNode): string | undefined {
  const target = (part["left"] ?? part["argument"]) as SyntaxNode | null | undefined;
  const isWritten = /^(Assignment|Update)Expression$/.test(part.type);
  return isWritten && target?.type === "Identifier" ? String(target["name"]) : undefined;
}

interface Visit {
  part: SyntaxNode;
  /** Whether `this` is there that of the outermost function. */
  isOwn: boolean;
  /** Whether `super` is there that of what is around the outermost function. */
  isOutside: boolean;
}

/** All parts, from the outermost one. */
function* walk(root: SyntaxNode): Generator<Visit> {
  const open: Visit[] = [{ part: root, isOwn: true, isOutside: true }];
  for (let visit = open.pop(); visit !== undefined; visit = open.pop()) {
    yield visit;
    const { part } = visit;
    const isInner = part !== root;
    const hasThis = isInner && /^(Function|ClassBody|StaticBlock)/.test(part.type);
    const hasSuper = isInner && (part.type === "ClassBody" || isMethodOfObject(part));
    for (const inner of partsOf(Object.values(part))) {
      open.push({
        part: inner,
        isOwn: visit.isOwn && !hasThis,
        isOutside: visit.isOutside && !hasSuper,
      });
    }
  }
}

function isMethodOfObject(part: SyntaxNode): boolean {
  return part.type === "Property" && (part["method"] === true || part["kind"] !== "init");
}

/** The names of `a.b["c"]`, from a variable on; empty for what is read of anything else. */
function toChain(part: SyntaxNode): string[] {
  if (part.type === "Identifier") {
    return [String(part["name"])];
  }
  if (part.type !== "MemberExpression") {
    return [];
  }
  const start = toChain(part["object"] as SyntaxNode);
  const property = part["property"] as SyntaxNode;
  const name = part["computed"] === true ? property["value"] : property["name"];
  return start.length > 0 && typeof name === "string" ? [...start, name] : [];
}
