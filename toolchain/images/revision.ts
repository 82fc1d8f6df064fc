/** Which commit images and commands are of. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UNKNOWN_REVISION } from "../../contract/index.ts";
import { capture } from "../run-command.ts";
import { PACKAGE_ROOT } from "./package.ts";

/** What images of the services are made of: other commits leave them, and their digests, alone. */
const SOURCES = [
  ...["services", "contract", "toolchain", "docs/openapi.json"],
  ...["package.json", "package-lock.json"],
];

const known = new Map<string, Promise<string>>();

/**
 * The last commit that changed what images are made of, with `-dirty` when files differ from it. A
 * package has it from when it was packed. `unknown` when neither it nor git can say.
 */
export function readRevision(root: string = PACKAGE_ROOT): Promise<string> {
  const revision = known.get(root) ?? findRevision(root);
  known.set(root, revision);
  return revision;
}

async function findRevision(root: string): Promise<string> {
  const packed = await readPacked(root);
  if (packed !== undefined) {
    return packed;
  }
  // A folder within somebody else's repository is of none of its commits.
  const isCheckout = existsSync(join(root, ".git"));
  return (isCheckout ? await askGit(root) : undefined) ?? UNKNOWN_REVISION;
}

/** Emitted JavaScript is one folder deeper than the package's file. */
async function readPacked(root: string): Promise<string | undefined> {
  for (const directory of [root, join(root, "..")]) {
    const text = await readFile(join(directory, "package.json"), "utf8").catch(() => undefined);
    if (text !== undefined) {
      const { name, revision } = JSON.parse(text) as { name?: string; revision?: string };
      return name === "plonk" ? revision : undefined;
    }
  }
  return undefined;
}

async function askGit(root: string): Promise<string | undefined> {
  const run = async (...args: string[]): Promise<string | undefined> => {
    const paths = ["--", ...SOURCES];
    // Hooks of git name a repository in the environment.
    const env = { ...process.env, GIT_DIR: undefined, GIT_WORK_TREE: undefined };
    const command = ["--no-optional-locks", "-C", root, ...args, ...paths];
    const result = await capture("git", command, { env }).catch(() => undefined);
    return result?.code === 0 ? result.stdout.trim() : undefined;
  };
  const [commit, changes] = await Promise.all([
    run("log", "-1", "--format=%H"),
    run("status", "--porcelain", "--untracked-files=all"),
  ]);
  if (commit === undefined || commit === "" || changes === undefined) {
    return undefined;
  }
  return changes === "" ? commit : `${commit}-dirty`;
}
