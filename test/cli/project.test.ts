/** Where the project of the commands lies, in a checkout and in an installed package. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { projectFolder, toCommand, toCommandLine, writeProject } from "../../cli/project.ts";
import { plonkHome } from "../../toolchain/directories.ts";

const root = dirname(dirname(import.meta.dirname));
const folder = mkdtempSync(join(tmpdir(), "plonk-project-"));

afterAll(() => rmSync(folder, { recursive: true }));

describe("projectFolder", () => {
  it("is the checkout, or lies beside the state of an installed package", () => {
    expect(projectFolder()).toBe(root);
    expect(projectFolder(true)).toBe(join(plonkHome(), "project"));
  });
});

describe("writeProject", () => {
  it("writes a Pulumi.yaml that runs the package's program, and nothing else", async () => {
    const text = "name: plonk\nmain: stacks/index.ts\nconfig:\n  target: { default: local }\n";
    writeFileSync(join(folder, "Pulumi.yaml"), text);
    const project = join(folder, "home", "project");
    await writeProject(folder, project);
    await writeProject(folder, project);
    expect(readdirSync(project).sort()).toEqual(["Pulumi.yaml", "stacks"]);
    expect(parse(readFileSync(join(project, "Pulumi.yaml"), "utf8"))).toEqual({
      name: "plonk",
      main: join(folder, "stacks/index.js"),
      config: { target: { default: "local" } },
    });
  });
});

describe("toCommand", () => {
  it("names the stack where it is not the usual one", () => {
    expect(toCommand("down", "local")).toBe("npm run down");
    expect(toCommand("down", "dev")).toBe("npm run down -- --stack dev");
    expect(toCommand("down", "local", true)).toBe("npx plonk down");
    expect(toCommand("down", "dev", true)).toBe("npx plonk down --stack dev");
  });
});

describe("toCommandLine", () => {
  it("keeps npm's own lines out of what pulumi prints", () => {
    const words = ["pulumi", "stack", "output"];
    expect(toCommandLine(words)).toBe("npm run --silent pulumi -- stack output");
    expect(toCommandLine(words, true)).toBe("npx plonk pulumi stack output");
  });
});
