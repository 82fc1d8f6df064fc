/** Finds out which imports of its file a function captures. */
import { readFileSync } from "node:fs";
import { transformSync } from "esbuild";
import { type AnyFunction, FunctionInspector } from "./closure/inspect.ts";

/** One imported name: `import { marked as name } from "source"`. */
export interface ImportedName {
  name: string;
  source: string;
}

/** Path of the file that defines `callback`; undefined for code that has none. */
export function findDefiningFile(callback: AnyFunction): string | undefined {
  using inspector = new FunctionInspector();
  let callable = callback;
  for (let bound = inspector.unbind(callable); bound; bound = inspector.unbind(callable)) {
    callable = bound.target;
  }
  return inspector.findFile(callable);
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
