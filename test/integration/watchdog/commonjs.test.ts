/** Modules that compilers have written in CommonJS. */
import { afterAll, describe, expect, it } from "@jest/globals";
import { cleanUp, startWatchdog, writeModule } from "./process.ts";

afterAll(cleanUp);

describe("a CommonJS module as compilers write it", () => {
  const mark = 'Object.defineProperty(exports, "__esModule", { value: true });';
  it.each([
    [
      "a function of tsc's",
      "exports.default = handle; async function handle(event) { return event.body; }",
    ],
    [
      "a function of Babel's",
      "exports.default = void 0; var _default = exports.default = (event) => event.body;",
    ],
    [
      "an object",
      "exports.default = { async fetch(request) { return new Response(request.body); } };",
    ],
  ])("is called by its default export: %s", async (_what, text) => {
    const path = await writeModule("index.cjs", `"use strict"; ${mark} ${text}`);
    const { url } = await startWatchdog({ PLONK_FUNCTION_MODULE: path });
    const answer = await fetch(url, { method: "POST", body: "hi" });
    expect([answer.status, await answer.text()]).toStrictEqual([200, "hi"]);
  });

  it("is refused when that is a class, with which nobody could call it", async () => {
    const path = await writeModule("index.mjs", "export default class {}");
    const { exit, stderr } = await startWatchdog({ PLONK_FUNCTION_MODULE: path });
    expect(await exit).toBe(1);
    expect(stderr()).toMatch(/named handler, got default \(class\)\n$/);
  });
});
