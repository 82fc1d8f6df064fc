/** What `plonk` prints about itself, by its entry point. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readRevision } from "../../toolchain/images/revision.ts";
import { capture, type Captured } from "../../toolchain/run-command.ts";

const root = dirname(dirname(import.meta.dirname));

function plonk(...args: string[]): Promise<Captured> {
  return capture(process.execPath, [join(root, "cli/plonk.js"), ...args]);
}

describe("plonk", () => {
  it.each([[[]], [["help"]], [["--help"]], [["-h"]]])("lists its commands for %j", async (args) => {
    const { code, stdout, stderr } = await plonk(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^plonk <command>\n\n {2}up .*\n {2}down .*\n {2}pulumi /);
  });

  it.each([[["up", "--help"]], [["help", "up"]], [["up", "--stack", "dev", "-h"]]])(
    "describes a command for %j",
    async (args) => {
      const { code, stdout } = await plonk(...args);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^plonk up \[--stack name\][^]* {2}-c, --config key=value {2}/);
    },
  );

  it("says its version", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      version: string;
    };
    expect(await plonk("--version")).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    expect((await plonk("-v")).stdout).toBe(`${version}\n`);
    const revision = await readRevision(root);
    const { stdout } = await plonk("version");
    expect(stdout).toBe(`version: ${version}\nrevision: ${revision}\n`);
  });

  it.each([
    [
      ["nonsense"],
      'expected one of up, down, pulumi, queue, import, help, version, got "nonsense"',
    ],
    [["help", "nonsense"], 'help: expected one of up, down, pulumi, queue, import, got "nonsense"'],
  ])("refuses %j with the commands that there are", async (args, message) => {
    expect(await plonk(...args)).toEqual({ code: 2, stdout: "", stderr: `plonk: ${message}\n` });
  });
});
