/** Makes one JavaScript file of a function's module and everything that it imports. */
import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type BuildFailure,
  type BuildOptions,
  type BuildResult,
  buildSync,
  type Message,
} from "esbuild";
import { findCommonJsMistake, findHandlerMistake } from "../../contract/function/handler-export.ts";
import { ArgumentError } from "../errors.ts";

/** Largest code, bytes: a ConfigMap holds 1 MiB, of which its metadata takes a little. */
export const MAX_CODE_BYTES = 1024 * 1024 - 16 * 1024;

const COMMON: BuildOptions = {
  bundle: true,
  platform: "node",
  target: "node24",
  write: false,
  logLevel: "silent",
  legalComments: "none",
};

/** CommonJS libraries in an ES module ask for `require`, which ES modules do not have. */
const REQUIRE_BANNER = {
  js: 'import{createRequire as __require_of}from"node:module";const require=__require_of(import.meta.url);',
};

/** They also have the place of their file, which is the function's module now. */
const PLACE = { __dirname: "import.meta.dirname", __filename: "import.meta.filename" };

/** Modules in a CommonJS one ask for it in their way. */
const PLACE_OF_COMMONJS = {
  "import.meta.dirname": "__dirname",
  "import.meta.filename": "__filename",
  "import.meta.url": "__url_of_module",
};
const URL_BANNER = {
  js: 'const __url_of_module=require("node:url").pathToFileURL(__filename).href;',
};

/**
 * Bundles a module into one ES module.
 *
 * @param code path (relative to the working directory) or `file:` URL
 * @throws ArgumentError for a missing file, a module that does not compile or exports no handler,
 *   and code that is too large
 */
export function bundleModule(code: string): string {
  const path = code.startsWith("file:") ? fileURLToPath(code) : resolve(code);
  if (!isFile(path)) {
    throw new ArgumentError(`code: expected a file, got none at ${path}`);
  }
  const options: BuildOptions = {
    ...COMMON,
    entryPoints: [path],
    // The output names files relative to this, so that the digest does not depend on the place.
    absWorkingDir: dirname(path),
    format: "esm",
    banner: REQUIRE_BANNER,
    define: PLACE,
  };
  return buildWithinLimit("code", options, ({ exports, isCommonJs, text }) => {
    const mistake = isCommonJs
      ? findCommonJsMistake(readFileSync(path, "utf8"))
      : findExportMistake(exports, text);
    if (mistake !== undefined) {
      throw new ArgumentError(`code: ${mistake}`);
    }
  });
}

function findExportMistake(exports: string[], text: string): string | undefined {
  if (exports.includes("default") || exports.includes("handler")) {
    return findHandlerMistake(text);
  }
  const got = exports.length > 0 ? exports.join(", ") : "no exports";
  return `expected a default export or an exported handler, got ${got}`;
}

/**
 * Bundles the text of a serialized closure, CommonJS, with what it imports dynamically.
 *
 * @param directory where its imports are looked up
 * @throws ArgumentError for text that does not compile, and code that is too large
 */
export function bundleClosure(text: string, directory: string): string {
  const stdin = { contents: text, resolveDir: directory, sourcefile: "callback.js" };
  const options: BuildOptions = { ...COMMON, stdin, absWorkingDir: directory, format: "cjs" };
  // The callback itself has no place: without `define` this refuses what asks for it.
  build("callback", { ...options, bundle: false });
  return buildWithinLimit("callback", {
    ...options,
    define: PLACE_OF_COMMONJS,
    banner: URL_BANNER,
  });
}

/** What a build has made. */
interface Output {
  exports: string[];
  /** Whether the entry is a CommonJS module. */
  isCommonJs: boolean;
  text: string;
}

/** Legible where that fits, for stack traces that say something. */
function buildWithinLimit(
  field: string,
  options: BuildOptions,
  checkExports?: (output: Output) => void,
): string {
  const legible = build(field, options, checkExports);
  if (Buffer.byteLength(legible) <= MAX_CODE_BYTES) {
    return legible;
  }
  const small = build(field, { ...options, minify: true, keepNames: true });
  const bytes = Buffer.byteLength(small);
  if (bytes <= MAX_CODE_BYTES) {
    return small;
  }
  throw new ArgumentError(
    `${field}: expected at most ${MAX_CODE_BYTES} bytes with its libraries, got ${bytes}; use an image instead`,
  );
}

function build(
  field: string,
  options: BuildOptions,
  checkExports?: (output: Output) => void,
): string {
  try {
    const result = buildSync({ ...options, metafile: true, write: false });
    const output = toOutput(result);
    checkExports?.(output);
    return output.text;
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? [];
    if (!first) {
      throw error;
    }
    throw new ArgumentError(`${field}: ${toLine(first)}`);
  }
}

function toOutput({
  metafile,
  outputFiles,
}: BuildResult<{ metafile: true; write: false }>): Output {
  const [output] = Object.values(metafile.outputs);
  const isCommonJs = metafile.inputs[output?.entryPoint ?? ""]?.format === "cjs";
  return { exports: output?.exports ?? [], isCommonJs, text: outputFiles[0]?.text ?? "" };
}

/** esbuild's first error in one line, with its place. */
function toLine(message: Message): string {
  const { location, text } = message;
  // The serializer wraps closures into `with`, which `import.meta` forbids; that is the cause.
  const cause = message.notes.find((note) => note.text.includes("import.meta"));
  if (cause) {
    return "expected no import.meta, got one; a callback has no file of its own";
  }
  return location ? `${text} (${location.file}:${location.line})` : text;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
