/** Finds out which imports of its file a function captures. */
import { transformSync } from "esbuild";
import { readFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { fileURLToPath } from "node:url";

/** One imported name: `import { marked as name } from "source"`. */
export interface ImportedName {
  name: string;
  source: string;
}

/** Path of the file that defines `callback`; undefined for code that has none. */
export async function findDefiningFile(callback: object): Promise<string | undefined> {
  const session = new Session();
  session.connect();
  try {
    const urls = new Map<string, string>();
    session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url));
    await session.post("Debugger.enable");
    const url = urls.get(await findScriptId(session, callback)) ?? "";
    return url.startsWith("file:") ? fileURLToPath(url) : url || undefined;
  } finally {
    session.disconnect();
  }
}

/** The inspector reaches values by global name only, so the callback gets one for the while. */
async function findScriptId(session: Session, callback: object): Promise<string> {
  const name = `__plonk_callback_${crypto.randomUUID().replaceAll("-", "")}`;
  const globals = globalThis as Record<string, unknown>;
  globals[name] = callback;
  try {
    const { result } = await session.post("Runtime.evaluate", { expression: `globalThis.${name}` });
    const { objectId } = result;
    if (objectId === undefined) return "";
    const { internalProperties } = await session.post("Runtime.getProperties", { objectId });
    const place = internalProperties?.find((property) => property.name === "[[FunctionLocation]]");
    return (place?.value?.value as { scriptId?: string } | undefined)?.scriptId ?? "";
  } finally {
    // eslint's no-dynamic-delete would have a Map here, which the inspector cannot see.
    Reflect.deleteProperty(globals, name);
  }
}

/** The names that `file` imports. */
export async function readImports(file: string): Promise<ImportedName[]> {
  const source = await readFile(file, "utf8");
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
    .map((part) => part.trim().split(/\s+as\s+/).at(-1) ?? "")
    .filter((name) => name !== "");
}

/** Those of `imports` that occur free in the text of a function. */
export function findCaptured(text: string, imports: ImportedName[]): ImportedName[] {
  return imports.filter(({ name }) => {
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
