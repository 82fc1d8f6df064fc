/** Builds a tool from source: runs its recipe without changing the machine. */
import { mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { RecipeContext } from "../../standins/from-source/recipe.ts";
import { hashTree } from "../hash.ts";
import { runCommand } from "../run-command.ts";
import type { Source } from "../tool.ts";
import type { Installation } from "./release.ts";

const FROM_SOURCE = fileURLToPath(new URL("../../standins/from-source", import.meta.url));

/** Digest of all inputs of a build. */
export async function hashInputs(source: Source): Promise<string> {
  return `${await hashTree(FROM_SOURCE, source.inputs)}${source.key === undefined ? "" : ` ${source.key()}`}`;
}

/** Runs the recipe into the destination; intermediate files are deleted. */
export async function buildFromSource(
  source: Source,
  into: Installation,
  acquire: (tool: string) => Promise<string>,
): Promise<void> {
  const { session, task, destination } = into;
  const scratch = `${destination}.scratch`;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const context: RecipeContext = {
    destination,
    scratch,
    architecture: session.architecture,
    cache: session.cache.root,
    signal: session.signal,
    acquire,
    report: task.report,
    run: (command, args, options = {}) =>
      runCommand(command, args, {
        cwd: options.cwd ?? scratch,
        env: { ...session.env, ...options.env },
        signal: session.signal,
      }),
  };
  try {
    await source.recipe(context);
  } finally {
    // Go makes directories read-only by default, and `force` handles only files.
    await rm(scratch, { recursive: true, force: true, maxRetries: 2 });
  }
}
