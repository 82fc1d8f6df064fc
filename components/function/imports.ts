/** Finds out which imports of its file a function captures. */
import { readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { fileURLToPath } from "node:url";
import { runInThisContext } from "node:vm";
import { transformSync } from "esbuild";

/** One imported name: `import { marked as name } from "source"`. */
export interface ImportedName {
  name: string;
  source: string;
}

/**
 * Path of the file that defines `callback`; undefined for code that has none. The inspector of
 * one's own process answers before `post` returns.
 */
export function findDefiningFile(callback: object): string | undefined {
  const session = new Session();
  session.connect();
  try {
    const urls = new Map<string, string>();
    session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
    session.post("Debugger.enable");
    const url = urls.get(findScriptId(session, callback)) ?? "";
    return url.startsWith("file:") ? fileURLToPath(url) : url || undefined;
  } finally {
    session.disconnect();
  }
}

/**
 * The inspector reaches values by global name only, so the callback gets one for the while: in
 * the process's first context, which is not the own one where a test runner made another.
 */
function findScriptId(session: Session, callback: object): string {
  const name = `__plonk_callback_${crypto.randomUUID().replaceAll("-", "")}`;
  const globals = runInThisContext("globalThis") as object;
  Reflect.set(globals, name, callback);
  let objectId: string | undefined;
  session.post("Runtime.evaluate", { expression: `globalThis.${name}` }, (_, { result }) => {
    objectId = result.objectId;
  });
  Reflect.deleteProperty(globals, name);
  let scriptId = "";
  session.post("Runtime.getProperties", { objectId: objectId ?? "" }, (_, found) => {
    const properties = found.internalProperties ?? [];
    const place = properties.find((property) => property.name === "[[FunctionLocation]]");
    scriptId = (place?.value?.value as { scriptId?: string } | undefined)?.scriptId ?? "";
  });
  return scriptId;
}

/** The names that `file` imports. */
export function readImports(file: string): ImportedName[] {
  const source = readFileSync(file, "utf8");
  // esbuild drops types and comments and prints imports in one regular form.
  const { code } = transformSync(source, {
    loader: /\.[cm]?tsx?$/.test(file) ? "ts" : "js",
    format: "esm",
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true } },
  });
  const statements = code.matchAll(/^import ([^"']+?) from "([^"]+)";$/gm);
  return [...statements].flatMap(([, clause = "", from = ""]) =>
    toNames(clause).map((name) => ({ name, source: from })),
  );
}

/** `a, { b as c }` and `* as n` to the names that they bind. */
function toNames(clause: string): string[] {
  return clause
    .split(/[,{}]/)
    .map(
      (part) =>
        part
          .trim()
          .split(/\s+as\s+/)
          .at(-1) ?? "",
    )
    .filter((name) => name !== "");
}

/** Those of `imports` that occur free in the text of a function. */
export function findCaptured(text: string, imports: ImportedName[]): ImportedName[] {
  return imports.filter(({ name }) => {
    // Most do not occur at all, and each look starts a program. A name may be written as escapes.
    if (!text.includes(name) && !text.includes("\\u")) {
      return false;
    }
    const marker = `__plonk_captured_${name}`;
    return substitute(text, name, marker).includes(marker);
  });
}

/** `define` replaces a name only where nothing inside the text binds it. */
function substitute(text: string, name: string, marker: string): string {
  for (const expression of [`(${text})`, `({${text}})`]) {
    try {
      return transformSync(expression, { define: { [name]: marker } }).code;
    } catch {
      // A method's text is no expression by itself: the second form is for that.
    }
  }
  return "";
}
