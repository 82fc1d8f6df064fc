import { describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { plonkCache } from "../../../toolchain/directories.ts";
import { goEnvironment } from "../../../toolchain/recipes/go.ts";

const run = promisify(execFile);
const cwd = join(import.meta.dirname, "../../../toolchain/kubernetes");
const TAGS = "-tags=providerless,netgo,osusergo";
const MINUTE = 60_000;

const env = {
  ...process.env,
  ...goEnvironment({
    cache: plonkCache(),
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
  }),
};

describe("the Go sources of k3s", () => {
  it("are formatted", async () => {
    expect((await run("gofmt", ["-l", "."], { cwd })).stdout).toBe("");
  });

  it("carry no programs of a node in the tree", () => {
    expect(statSync(join(cwd, "internal/assets/node.tar.gz")).size).toBe(0);
  });

  it(
    "pass vet",
    async () => {
      expect((await run("go", ["vet", TAGS, "./..."], { cwd, env })).stderr).toBe("");
    },
    30 * MINUTE,
  );

  it(
    "pass their own tests",
    async () => {
      const { stdout } = await run("go", ["test", TAGS, "./..."], { cwd, env });
      expect(stdout).toContain("ok  \tplonk/toolchain/kubernetes/internal/supervise");
      expect(stdout).not.toMatch(/^(FAIL|---)/m);
    },
    30 * MINUTE,
  );
});
