/** The groups of `npm test`, as jest reads their arguments. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "@jest/globals";
import { TEST_GROUPS } from "../../scripts/test-groups.ts";
import { runCommand } from "../../toolchain/run-command.ts";

const ROOT = join(import.meta.dirname, "../..");
const JEST = join(ROOT, "node_modules/jest/bin/jest.js");

async function listTests(args: readonly string[]): Promise<string[]> {
  const command = [JEST, "--listTests", ...args];
  const output = await runCommand(process.execPath, command, { cwd: ROOT, env: process.env });
  return output.trim().split("\n");
}

it("are all tests, each in one group", async () => {
  const names = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" });
  const files = names
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(ROOT, "test", name));
  const groups = await Promise.all(TEST_GROUPS.map(({ args }) => listTests(args)));
  expect(groups.flat().sort()).toEqual(files.sort());
});
