/** Which commit a checkout and a package say they are of. */
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { readRevision } from "../../../toolchain/images/revision.ts";
import { runCommand } from "../../../toolchain/run-command.ts";
import { makeTemporary, removeTemporary, writeFiles } from "./support.ts";

afterAll(removeTemporary);

const MANIFEST = '{"name":"plonk","version":"0.1.0"}';

let root = "";

const git = async (...args: string[]): Promise<string> => {
  const author = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
  return (await runCommand("git", [...author, ...args], { cwd: root })).trim();
};

const commit = async (file: string): Promise<string> => {
  await writeFiles(root, { [file]: file });
  await git("add", ".");
  await git("commit", "--quiet", "--message", file);
  return await git("rev-parse", "HEAD");
};

beforeEach(async () => {
  root = await makeTemporary();
});

describe("a checkout", () => {
  beforeEach(async () => {
    await git("init", "--quiet");
    await writeFiles(root, { "package.json": MANIFEST });
  });

  test("is of the last commit that changed what images are made of", async () => {
    const revision = await commit("services/gateway/main.ts");
    await commit("README.md");
    expect(await readRevision(root)).toBe(revision);
  });

  test.each(["services/gateway/main.ts", "contract/new.ts"])(
    "is dirty with a changed %s",
    async (file) => {
      const revision = await commit("services/gateway/main.ts");
      await writeFiles(root, { [file]: "other" });
      expect(await readRevision(root)).toBe(`${revision}-dirty`);
    },
  );

  test("is clean with a changed file of something else", async () => {
    const revision = await commit("services/gateway/main.ts");
    await writeFiles(root, { "examples/hello.ts": "other" });
    expect(await readRevision(root)).toBe(revision);
  });

  test("without a commit is of an unknown one", async () => {
    expect(await readRevision(root)).toBe("unknown");
  });
});

describe("a package", () => {
  test("says what it was packed from, whatever repository it lies in", async () => {
    await git("init", "--quiet");
    await commit("services/own.ts");
    const revision = "0".repeat(40);
    const installed = join(root, "node_modules/plonk");
    await writeFiles(installed, {
      "package.json": JSON.stringify({ name: "plonk", revision }),
      "dist/cli/main.js": "",
    });
    expect(await readRevision(join(installed, "dist"))).toBe(revision);
  });

  test("that was packed without git is of an unknown one", async () => {
    await git("init", "--quiet");
    await commit("services/own.ts");
    const installed = join(root, "node_modules/plonk");
    await writeFiles(installed, { "package.json": MANIFEST, "dist/cli/main.js": "" });
    expect(await readRevision(join(installed, "dist"))).toBe("unknown");
  });
});
