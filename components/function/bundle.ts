/** Makes one JavaScript file of a function's module and everything that it imports. */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildFailure, type BuildOptions, buildSync, type Message } from "esbuild";
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
    metafile: true,
  };
  return buildWithinLimit("code", options, (exports) => {
    if (exports.includes("default") || exports.includes("handler")) {
      return;
    }
    const got = exports.length > 0 ? exports.join(", ") : "no exports";
    throw new ArgumentError(`code: expected a default export or an exported handler, got ${got}`);
  });
}

/**
 * Bundles the text of a serialized closure, CommonJS, with what it imports dynamically.
 *
 * @param directory where its imports are looked up
 * @throws ArgumentError for text that does not compile, and code that is too large
 */
export function bundleClosure(text: string, directory: string): string {
  const stdin = { contents: text, resolveDir: directory, sourcefile: "callback.js" };
  return buildWithinLimit("callback", {
    ...COMMON,
    stdin,
    absWorkingDir: directory,
    format: "cjs",
    metafile: true,
  });
}

/** Legible where that fits, for stack traces that say something. */
function buildWithinLimit(
  field: string,
  options: BuildOptions,
  checkExports?: (names: string[]) => void,
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
  checkExports?: (names: string[]) => void,
): string {
  try {
    const { outputFiles, metafile } = buildSync({ ...options, metafile: true, write: false });
    const [output] = Object.values(metafile.outputs);
    checkExports?.(output?.exports ?? []);
    return outputFiles[0]?.text ?? "";
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? [];
    if (!first) {
      throw error;
    }
    throw new ArgumentError(`${field}: ${toLine(first)}`);
  }
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
