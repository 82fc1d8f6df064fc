/** Pasted JavaScript is read and never run. */
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { findCodeMistake } from "../../../../services/gateway/system/code-check.ts";
import { fakeOnly } from "../../../support/clock.ts";

const IMPORTS = "expected imports of Node's own modules only, got";
const CALLABLE = "expected a function or an object with fetch(request)";
const EXPORTS = "expected a default export or an exported handler, got";

// However long a thread takes to start on a busy machine.
beforeEach(() => fakeOnly("setTimeout", "clearTimeout"));

afterEach(() => {
  jest.useRealTimers();
});

describe("findCodeMistake", () => {
  test.each([
    ["a web-standard handler", "export default { fetch(request) { return new Response('x') } }"],
    ["a function", "export default async function (event, context) { return 1 }"],
    ["an exported handler", "export async function handler() {}"],
    ["a handler beside another default export", "export default 1; export const handler = () => 1"],
    ["what only runs tell", "const make = () => () => 1; export default make()"],
    [
      "imports of Node's",
      'import { readFile } from "node:fs/promises";\nimport os from "os";\nexport default () => os.arch()',
    ],
    ["top-level await", "const x = await Promise.resolve(1);\nexport default () => x"],
    [
      "what V8 knows since lately",
      "export default () => { using x = null; return /[a--b]/v.test('a') }",
    ],
    ["an import at run time", 'export default async () => (await import("node:os")).arch()'],
  ])("takes %s", async (_what, text) => {
    expect(await findCodeMistake(text)).toBeUndefined();
  });

  test.each([
    ["export default {\n  fetch(request) {\n", "Unexpected end of input (line 3)"],
    [
      "export default () => 1;\nlet a = 1;\nlet a = 2;",
      "Identifier 'a' has already been declared (line 3)",
    ],
    ['import os from "node:os";\n\nexport default () => 1 +;', "Unexpected token ';' (line 3)"],
    ["export default (a: number) => a", "Unexpected token ':' (line 1)"],
    ['import _ from "lodash";\nexport default _', `${IMPORTS} "lodash"`],
    ['export { default } from "./other.mjs"', `${IMPORTS} "./other.mjs"`],
    [
      'import x from "https://example.com/x.mjs";\nexport default x',
      `${IMPORTS} "https://example.com/x.mjs"`,
    ],
    [
      'import { nope } from "node:os";\nexport default nope',
      "The requested module 'node:os' does not provide an export named 'nope'",
    ],
    ["module.exports = async () => 1", `${EXPORTS} no exports`],
    ["export const one = 1, two = 2", `${EXPORTS} one, two`],
    ["", `${EXPORTS} no exports`],
    ["export default 42", `${CALLABLE} as default export, got 42`],
    ["export default class {}", `${CALLABLE} as default export, got a class`],
    ["const it = 'x'; export { it as default }", `${CALLABLE} as default export, got 'x'`],
    ["export const handler = [1]", "expected a function as exported handler, got [1]"],
  ])("refuses %j", async (text, mistake) => {
    expect(await findCodeMistake(text)).toBe(mistake);
  });

  test("runs nothing of it", async () => {
    const text = "globalThis.ran = true; process.exit(7); while (true);\nexport default () => 1";
    expect(await findCodeMistake(text)).toBeUndefined();
    expect(globalThis).not.toHaveProperty("ran");
  });

  test("reads one text after the other, however long one takes", async () => {
    const ended: string[] = [];
    const read = async (name: string, text: string): Promise<void> => {
      await findCodeMistake(text);
      ended.push(name);
    };
    const long = `export default () => [${"1,".repeat(131_000)}1]`;
    await Promise.all([read("long", long), read("short", "x +"), read("last", "")]);
    expect(ended).toEqual(["long", "short", "last"]);
  });

  test("reads the largest code without holding the process up", async () => {
    const text = `export default () => [${"1,".repeat(131_000)}1]`;
    let hasGoneOn = false;
    setImmediate(() => (hasGoneOn = true));
    expect(await findCodeMistake(text)).toBeUndefined();
    expect(hasGoneOn).toBe(true);
  });
});
