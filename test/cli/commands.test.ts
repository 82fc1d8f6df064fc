/** How a command ends: in one line for the person, or with a stack for us. */
import { expect, it } from "@jest/globals";
import { capture, type Captured } from "../../toolchain/run-command.ts";

/** In a process of its own, whose arguments and exit code count. */
function run(body: string, name = "work"): Promise<Captured> {
  const at = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
  const script = `
    import { runCommand } from "${at("cli/commands.ts")}";
    import { CommandError } from "${at("cli/process.ts")}";
    import { ToolchainError } from "${at("toolchain/errors.ts")}";
    await runCommand({ work: async () => { ${body} } });`;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  return capture(process.execPath, [...args, "first", name]);
}

it.each([
  ['throw new CommandError("no such stack", 3);', 3, "no such stack"],
  ['throw new ToolchainError("disk", "disk: full");', 1, "disk: full"],
])("is one line for %s", async (body, code, message) => {
  expect(await run(body)).toEqual({ code, stdout: "", stderr: `plonk: ${message}\n` });
});

it("shows where a fault of our own is", async () => {
  const { code, stderr } = await run("undefined.name;");
  expect(code).toBe(1);
  expect(stderr).toMatch(/^TypeError: .*\n {4}at /);
});

it("names the commands that there are", async () => {
  expect(await run("", "nonsense")).toEqual({
    code: 2,
    stdout: "",
    stderr: 'plonk: expected one of work, got "nonsense"\n',
  });
});
