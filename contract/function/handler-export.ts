/**
 * Whether a module can export a handler, by its text alone: it is not run. What cannot be told is
 * taken, and the runtime says it when it loads the module.
 */
import { partsOf, type SyntaxNode, tryParse } from "./syntax-tree.ts";

/** The values behind the names of a module. */
interface Module {
  text: string;
  /** Of its exports, by their names. */
  exports: Map<string, SyntaxNode>;
  /** Of its own names. */
  values: Map<string, SyntaxNode>;
}

const LENIENT = { allowReturnOutsideFunction: true } as const;

/** These make an object or a plain value, which nobody can call. */
const PLAIN = /^(ArrayExpression|Literal|TemplateLiteral|UnaryExpression|BinaryExpression)$/;

/**
 * What is wrong with the exports of an ES module that has a default export or a `handler`;
 * undefined also for text that this parser does not know.
 */
export function findHandlerMistake(text: string): string | undefined {
  const module = readModule(text);
  if (module === undefined) {
    return undefined;
  }
  const found = ["default", "handler"].flatMap((name) => {
    const value = module.exports.get(name);
    return value === undefined ? [] : [{ name, wrong: findWrong(value, module) }];
  });
  const [first] = found;
  if (first?.wrong === undefined || found.some(({ wrong }) => wrong === undefined)) {
    return undefined;
  }
  const expected =
    first.name === "default"
      ? "a function or an object with fetch(request) as default export"
      : "a function as exported handler";
  return `expected ${expected}, got ${first.wrong}`;
}

/**
 * The same of a CommonJS module; undefined also for one that does more with its exports than to
 * assign to them.
 */
export function findCommonJsMistake(text: string): string | undefined {
  const program = tryParse(text, { ...LENIENT, sourceType: "script" });
  const assigned = program && collectAssigned(program);
  if (program === undefined || assigned === undefined) {
    return undefined;
  }
  const module: Module = { text, exports: new Map(), values: new Map() };
  for (const statement of program["body"] as SyntaxNode[]) {
    addDeclared(statement, module.values);
  }
  const handlers = ["", "default", "fetch", "handler"]
    .map((name) => assigned.get(name))
    .filter((value) => value !== undefined);
  const wrong = handlers.map((value) => findWrong(value, module));
  if (wrong.includes(undefined)) {
    return undefined;
  }
  const other = assigned.size > 0 ? [...assigned.keys()].join(", ") : "no exports";
  return `expected a default export or an exported handler, got ${wrong[0] ?? other}`;
}

/** What is assigned to `module.exports` (under no name) and to its members, in the end. */
function collectAssigned(program: SyntaxNode): Map<string, SyntaxNode> | undefined {
  const assigned = new Map<string, SyntaxNode>();
  const open: SyntaxNode[] = [program];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    const name = part.type === "AssignmentExpression" ? toExported(part["left"]) : undefined;
    if (name !== undefined) {
      assigned.set(name, toAssigned(part));
      open.push(part["right"] as SyntaxNode);
      continue;
    }
    if (isMark(part)) {
      continue;
    }
    if (part.type === "Identifier" && ["exports", "module"].includes(String(part["name"]))) {
      return undefined;
    }
    // Last first: what is popped comes in the order of the text.
    open.push(...childrenOf(part).toReversed());
  }
  return assigned;
}

/** `exports.name` and `module.exports.name` are `name`, `module.exports` is empty. */
function toExported(target: unknown): string | undefined {
  const { type, object, property, computed } = target as Record<string, unknown>;
  if (type !== "MemberExpression" || computed === true) {
    return undefined;
  }
  const { name: key } = property as { name: string };
  const { name: holder } = object as { name?: string };
  if (holder === "module") {
    return key === "exports" ? "" : undefined;
  }
  return holder === "exports" || toExported(object) === "" ? key : undefined;
}

/** The value of `exports.a = exports.b = value`. */
function toAssigned(assignment: SyntaxNode): SyntaxNode {
  const right = assignment["right"] as SyntaxNode;
  return right.type === "AssignmentExpression" ? toAssigned(right) : right;
}

/** `Object.defineProperty(exports, "__esModule", …)`, as compilers write it. */
function isMark(part: SyntaxNode): boolean {
  const [target, key] = (part["arguments"] ?? []) as SyntaxNode[];
  return (
    part.type === "CallExpression" &&
    target?.["name"] === "exports" &&
    key?.["value"] === "__esModule"
  );
}

function childrenOf(part: SyntaxNode): SyntaxNode[] {
  const isMember = part.type === "MemberExpression" && part["computed"] !== true;
  const fields = Object.entries(part).filter(
    ([field]) => !(isMember && field === "property") && field !== "key",
  );
  return partsOf(fields.map(([, value]) => value));
}

function readModule(text: string): Module | undefined {
  const program = tryParse(text, { ...LENIENT, sourceType: "module" });
  if (program === undefined) {
    return undefined;
  }
  const module: Module = { text, exports: new Map(), values: new Map() };
  const body = program["body"] as SyntaxNode[];
  for (const statement of body) {
    addDeclared(statement, module.values);
    addDeclared((statement["declaration"] ?? statement) as SyntaxNode, module.values);
  }
  for (const statement of body) {
    addExported(statement, module);
  }
  return module;
}

/** What a name is declared as; whether it stays that is asked where it is used. */
function addDeclared(node: SyntaxNode, values: Map<string, SyntaxNode>): void {
  const { id } = node as { id?: SyntaxNode | null };
  if (/^(Function|Class)Declaration$/.test(node.type) && id) {
    values.set(String(id["name"]), node);
  }
  const declared = (node["declarations"] ?? []) as { id: SyntaxNode; init: SyntaxNode | null }[];
  for (const { id: variable, init } of declared) {
    if (init) {
      values.set(String(variable["name"]), init);
    }
  }
}

function addExported(statement: SyntaxNode, { exports, values }: Module): void {
  if (statement.type === "ExportDefaultDeclaration") {
    exports.set("default", statement["declaration"] as SyntaxNode);
  }
  if (statement.type !== "ExportNamedDeclaration") {
    return;
  }
  const declaration = statement["declaration"] as SyntaxNode | null;
  const handler = values.get("handler");
  const own = new Map<string, SyntaxNode>();
  if (declaration) {
    addDeclared(declaration, own);
  }
  if (own.has("handler") && handler) {
    exports.set("handler", handler);
  }
  const specifiers = statement["specifiers"] as { local: SyntaxNode; exported: SyntaxNode }[];
  for (const { local, exported } of specifiers) {
    exports.set(String(exported["name"] ?? exported["value"]), local);
  }
}

/** What a value is that nobody can call; undefined for one that can be, or may be. */
function findWrong(value: SyntaxNode, module: Module): string | undefined {
  if (value.type === "Identifier") {
    return findWrongOfName(String(value["name"]), module);
  }
  if (value.type.startsWith("Class")) {
    const own = (value["id"] as { name: string } | null)?.name;
    const isChanged = own !== undefined && countOf(own, module) > 2;
    return isChanged || hasMember(value, module) ? undefined : "a class";
  }
  if (value.type === "ObjectExpression") {
    return hasMember(value, module) ? undefined : "an object without fetch";
  }
  return PLAIN.test(value.type) ? quoteSource(value, module) : undefined;
}

/** One that is mentioned beside its declaration and its export may be changed there. */
function findWrongOfName(name: string, module: Module): string | undefined {
  const declared = module.values.get(name);
  if (declared === undefined) {
    return name === "undefined" ? name : undefined;
  }
  const isUnchanged = declared.type !== "Identifier" && countOf(name, module) <= 2;
  return isUnchanged ? findWrong(declared, module) : undefined;
}

function countOf(name: string, { text }: Module): number {
  return text.split(/[^\w$]+/).filter((word) => word === name).length;
}

function quoteSource({ start, end }: SyntaxNode, { text }: Module): string {
  return end - start > 40 ? `${text.slice(start, start + 40)}...` : text.slice(start, end);
}

/** Whether an object, or a class by itself, has or may have a handler as a member. */
function hasMember(holder: SyntaxNode, module: Module): boolean {
  const isObject = holder.type === "ObjectExpression";
  const body = isObject ? holder["properties"] : (holder["body"] as SyntaxNode)["body"];
  const isExtended = !isObject && holder["superClass"] !== null;
  return isExtended || (body as SyntaxNode[]).some((member) => isHandler(member, isObject, module));
}

function isHandler(member: SyntaxNode, isOfObject: boolean, module: Module): boolean {
  const { key, computed, value, static: isStatic } = member;
  const { name, value: text } = (key ?? {}) as Record<string, unknown>;
  if (!isOfObject && isStatic !== true) {
    return member.type === "StaticBlock";
  }
  if (key === undefined || computed === true) {
    return true;
  }
  const isNamed = ["fetch", "handler", "default"].includes(String(name ?? text));
  return isNamed && (!value || findWrong(value as SyntaxNode, module) === undefined);
}
