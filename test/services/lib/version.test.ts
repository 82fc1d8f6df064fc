/** The version that services report. */
import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { VERSION } from "../../../services/lib/version.ts";

test("the version is the package's", () => {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  expect(VERSION).toBe((JSON.parse(text) as { version: string }).version);
});
