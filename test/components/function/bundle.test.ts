/** Modules and closures as one file each, loaded and called as the runtime does. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { ArgumentError } from "../../../components/errors.ts";
import {
  bundleClosure,
  bundleModule,
  MAX_CODE_BYTES,
} from "../../../components/function/bundle.ts";
import { checkCallback, toClosureCode } from "../../../components/function/closure.ts";
import { findCaptured, readImports } from "../../../components/function/imports.ts";
import { greet } from "../fixtures/greet.ts";

const CALLABLE = "expected a function or an object with fetch(request)";
const EXPORTED = "expected a default export or an exported handler";
const fixtures = join(import.meta.dirname, "../fixtures");
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(os.tmpdir(), "plonk-bundle-"));
});

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await pulumi.runtime.disconnect();
});

/** Runs code in a process of its own, outside the tree, so that it has nothing but itself. */
function callHandler(code: string, extension: "mjs" | "cjs", body: unknown): unknown {
  const file = join(directory, `handler-${Math.random()}.${extension}`);
  const caller = join(directory, "caller.mjs");
  writeFileSync(file, code);
  writeFileSync(
    caller,
    `const loaded = await import(process.argv[2]);
     const handler = loaded.handler ?? loaded.default.handler ?? loaded.default;
     const result = await handler({ body: JSON.parse(process.argv[3]) }, {});
     process.stdout.write(JSON.stringify(result));`,
  );
  const args = [caller, pathToFileURL(file).href, JSON.stringify(body)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (stderr !== "") {
    throw new Error(stderr);
  }
  return JSON.parse(stdout) as unknown;
}

describe("a module", () => {
  it("runs by itself, with its imports and a library", () => {
    const code = bundleModule(join(fixtures, "greeter.ts"));
    expect(callHandler(code, "mjs", "World")).toBe("<h1>Hello World</h1>\n");
  });

  it("gives the same code wherever the tree lies", () => {
    const codes = ["here", "there/deeper"].map((name) => {
      const place = join(directory, name);
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, "greet.ts"), readFileSync(join(fixtures, "greet.ts")));
      writeFileSync(join(place, "main.ts"), 'export { greet as handler } from "./greet.ts";');
      return bundleModule(join(place, "main.ts"));
    });
    expect(codes[0]).toBe(codes[1]);
    expect(codes[0]).not.toContain(directory);
  });

  it("may use CommonJS libraries, which call require", () => {
    const file = join(directory, "uses-require.ts");
    const library = join(directory, "library.cjs");
    writeFileSync(library, 'module.exports = () => require("node:path").basename("/a/b");');
    writeFileSync(file, 'import base from "./library.cjs"; export default () => base();');
    expect(callHandler(bundleModule(file), "mjs", "")).toBe("b");
  });

  it("tells CommonJS libraries the place of the bundle as theirs", () => {
    const file = join(directory, "uses-place.ts");
    writeFileSync(join(directory, "place.cjs"), "module.exports = () => [__dirname, __filename];");
    writeFileSync(file, 'import place from "./place.cjs"; export default () => place();');
    const [folder, path] = callHandler(bundleModule(file), "mjs", "") as [string, string];
    expect(folder).toBe(directory);
    expect(path).toMatch(/handler-[\d.]+\.mjs$/);
  });

  it.each([
    [
      "as tsc writes it",
      "exports.default = handle; async function handle(event) { return event.body; }",
    ],
    [
      "as Babel writes it",
      "exports.default = void 0; var _default = exports.default = (event) => event.body;",
    ],
  ])("may be CommonJS with a default export, %s", (_how, text) => {
    const file = join(directory, "compiled.cjs");
    const mark = 'Object.defineProperty(exports, "__esModule", { value: true });';
    writeFileSync(file, `"use strict"; ${mark} ${text}`);
    expect(bundleModule(file)).toContain("exports.default");
  });

  it.each([
    ["default.mjs", "export default 42;", `${CALLABLE} as default export, got 42`],
    [
      "object.ts",
      "export default { answer: 42 };",
      `${CALLABLE} as default export, got an object without fetch`,
    ],
    [
      "class.ts",
      "export default class { fetch() {} }",
      `${CALLABLE} as default export, got a class`,
    ],
    [
      "named.mjs",
      'export const handler = "text";',
      'expected a function as exported handler, got "text"',
    ],
    ["number.cjs", "module.exports = 42;", `${EXPORTED}, got 42`],
    [
      "names.cjs",
      "exports.answer = 42; module.exports.question = 1;",
      `${EXPORTED}, got answer, question`,
    ],
    ["nothing.cjs", "exports.default = void 0; exports.default = 42;", `${EXPORTED}, got 42`],
  ])("must export what can be called: %s", (name, text, message) => {
    const file = join(directory, name);
    writeFileSync(file, text);
    expect(() => bundleModule(file)).toThrow(new ArgumentError(`code: ${message}`));
  });

  it.each([
    ["made.mjs", "const make = () => () => 1; export default make();"],
    ["later.mjs", "const it = {}; it.fetch = () => 1; export default it;"],
    ["static.ts", "export default class { static fetch() {} }"],
    ["both.ts", "export default 42; export function handler() {}"],
    ["let.ts", "let handler: unknown = 1; handler = () => 1; export { handler };"],
    ["merged.cjs", "Object.assign(exports, { handler: () => 1 });"],
    ["own.cjs", "const it = {}; module.exports = it; it.handler = () => 1;"],
  ])("may export what cannot be judged by its text: %s", (name, text) => {
    const file = join(directory, name);
    writeFileSync(file, text);
    expect(() => bundleModule(file)).not.toThrow();
  });

  it("may export a handler by name", () => {
    const file = join(directory, "named.ts");
    writeFileSync(file, "export const handler = (event: { body: string }) => event.body;");
    expect(callHandler(bundleModule(file), "mjs", "x")).toBe("x");
  });

  it("must exist", () => {
    expect(() => bundleModule("./nowhere.ts")).toThrow(
      new ArgumentError(`code: expected a file, got none at ${join(process.cwd(), "nowhere.ts")}`),
    );
    expect(() => bundleModule(fixtures)).toThrow(/^code: expected a file, got none at/);
  });

  it("must compile; the message names file and line", () => {
    expect(() => bundleModule(join(fixtures, "broken.js"))).toThrow(
      new ArgumentError('code: Unexpected ";" (broken.js:3)'),
    );
  });

  it("must find what it imports", () => {
    const file = join(directory, "lost.ts");
    writeFileSync(file, 'import { x } from "no-such-library"; export default () => x;');
    expect(() => bundleModule(file)).toThrow(
      new ArgumentError('code: Could not resolve "no-such-library" (lost.ts:1)'),
    );
  });

  it("must export something to call", () => {
    expect(() => bundleModule(join(fixtures, "no-handler.ts"))).toThrow(
      new ArgumentError(
        "code: expected a default export or an exported handler, got answer, question",
      ),
    );
  });

  it("is minified when it is too large otherwise, and refused when it is still", () => {
    const file = join(directory, "large.ts");
    // A name of 90 letters, 13 000 times: two thirds of it go when names are shortened.
    const name = "x".repeat(90);
    const body = Array.from({ length: 13_000 }, (_, index) => `${name}(${index});`).join("\n");
    writeFileSync(file, `export default (${name}: (n: number) => void) => {\n${body}\n};`);
    const code = bundleModule(file);
    expect(body.length).toBeGreaterThan(MAX_CODE_BYTES);
    expect(Buffer.byteLength(code)).toBeLessThan(MAX_CODE_BYTES);
    const noise = Array.from({ length: 40_000 }, (_, index) => `"${index}-${Math.random()}"`);
    writeFileSync(file, `export default () => [${noise.join(",")}];`);
    expect(() => bundleModule(file)).toThrow(
      /^code: expected at most 1032192 bytes with its libraries, got 1\d{6}; use an image instead$/,
    );
  });
});

describe("a closure", () => {
  it("takes along the values that it captures", async () => {
    const words = { greeting: "good day", marks: ["!", "?"] };
    const shout = (text: string): string => text.toUpperCase();
    const code = await toClosureCode(
      (event: { body: string }) => `${words.greeting} ${shout(event.body)}${words.marks.join("")}`,
    );
    expect(callHandler(code, "cjs", "world")).toBe("good day WORLD!?");
  });

  it("loads libraries and built-ins inside, bundled with it", async () => {
    const code = await toClosureCode(async (event: { body: string }) => {
      const { marked } = await import("marked");
      const path = await import("node:path");
      return path.basename(await marked.parse(event.body));
    });
    expect(callHandler(code, "cjs", "**x**")).toBe("p>\n");
  });

  it("tells libraries that it loads the place of the bundle as theirs", () => {
    const text =
      "exports.handler = async () => [...(await import('./here.mjs')).place, ...(await import('./place.cjs')).default()];";
    writeFileSync(
      join(directory, "here.mjs"),
      "export const place = [import.meta.dirname, import.meta.url];",
    );
    writeFileSync(join(directory, "place.cjs"), "module.exports = () => [__dirname];");
    const [folder, url, ofCommonJs] = callHandler(
      bundleClosure(text, directory),
      "cjs",
      "",
    ) as string[];
    expect([folder, ofCommonJs]).toEqual([directory, directory]);
    expect(url).toMatch(/^file:.*handler-[\d.]+\.cjs$/);
  });

  it("gives the same code twice", async () => {
    const callback = (event: { body: string }): string => `hello ${event.body}`;
    expect(await toClosureCode(callback)).toBe(await toClosureCode(callback));
  });

  it("must not capture a namespace import", () => {
    expect(() => checkCallback(() => os.hostname())).toThrow(
      new ArgumentError(
        'callback: expected no captured import, got os from "node:os"; load it inside the callback with await import("node:os")',
      ),
    );
  });

  it("must not capture a named import, not even one of the program's own files", () => {
    expect(() => checkCallback(() => greet("you"))).toThrow(
      'callback: expected no captured import, got greet from "../fixtures/greet.ts"',
    );
    expect(() => checkCallback(() => readFileSync("/x"))).toThrow(
      'callback: expected no captured import, got readFileSync from "node:fs"',
    );
  });

  it("may use a name of its own that an import has too", () => {
    expect(() => checkCallback((os: { body: string }) => os.body)).not.toThrow();
    expect(() => checkCallback(() => ({ os: 1, join: "os" }))).not.toThrow();
  });

  it("must not contain a secret", async () => {
    const password = pulumi.secret("hunter2");
    // Inside a callback, outputs have `get`.
    const callback = (): unknown => (password as unknown as { get(): string }).get();
    await expect(toClosureCode(callback)).rejects.toThrow(
      new ArgumentError(
        'callback: captured "password" is a secret; pass it as a FunctionSecret in secrets and read /var/openfaas/secrets/<name>',
      ),
    );
  });

  it("has no file of its own", () => {
    const text = "exports.handler = function () { with ({}) { return import.meta.url; } };";
    expect(() => bundleClosure(text, directory)).toThrow(
      new ArgumentError(
        "callback: expected no import.meta, got one; a callback has no file of its own",
      ),
    );
  });
});

describe("imports of a file", () => {
  it("are found in all their forms, without types", () => {
    const file = join(directory, "imports.ts");
    writeFileSync(
      file,
      `import def, { a as b, type T, c } from "one";
       import * as ns from 'two';
       import type { U } from "three";
       import "four";
       // import { commented } from "five";
       const text = 'import { quoted } from "six";';
       export default [def, b, c, ns, text] as unknown as T & U;`,
    );
    expect(readImports(file)).toEqual([
      { name: "def", source: "one" },
      { name: "b", source: "one" },
      { name: "c", source: "one" },
      { name: "ns", source: "two" },
    ]);
  });

  it("count as captured only where the text does not bind the name itself", () => {
    const imports = [{ name: "os", source: "node:os" }];
    const isCaptured = (text: string): boolean => findCaptured(text, imports).length > 0;
    expect(isCaptured("() => os.hostname()")).toBe(true);
    expect(isCaptured("async function handle() { return { os }; }")).toBe(true);
    expect(isCaptured("async handle() { return os; }")).toBe(true);
    expect(isCaptured(String.raw`() => \u006fs.hostname()`)).toBe(true);
    expect(isCaptured("(os) => os.hostname()")).toBe(false);
    expect(isCaptured("() => { const os = 1; return os; }")).toBe(false);
    expect(isCaptured("(event) => event.os")).toBe(false);
    expect(isCaptured('() => "os"')).toBe(false);
  });
});
