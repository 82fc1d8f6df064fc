/** `npm run down`: removes the local stack, its cluster and its files, finished or not. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  clearPendingOperations,
  hasStack,
  localClusters,
  openLocalStack,
  pulumi,
  pulumiText,
  endKilledRuns,
  restartClusters,
  restoreState,
  stackFile,
  STACK,
  type LocalStack,
} from "./local-stack.ts";
import { capture, CommandError, say } from "./process.ts";

export async function down(): Promise<number> {
  const stack = await openLocalStack();
  if (hasStack(stack)) {
    await endKilledRuns(stack, say);
    await restoreState(stack, say);
    await clearPendingOperations(stack, say);
    await startForDestroy(stack);
    const code = await pulumi(stack, ["destroy", "--stack", STACK, "--yes", "--skip-preview"]);
    if (code !== 0) {
      say("not finished; run `npm run down` again to go on from here");
      return code;
    }
    await pulumiText(stack, ["stack", "rm", "--stack", STACK, "--yes"]);
  } else {
    say("there is no local stack");
  }
  await removeLeftovers(stack);
  say("everything is removed, except the caches");
  return 0;
}

/** Resources are deleted with their cluster, so a cluster that cannot start is no obstacle. */
async function startForDestroy(stack: LocalStack): Promise<void> {
  try {
    await restartClusters(stack, say);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    say(`${error.message}; removing it all the same`);
  }
}

/** What a run left that died before Pulumi had recorded it. */
async function removeLeftovers(stack: LocalStack): Promise<void> {
  for (const name of await localClusters(stack)) {
    say(`found cluster ${name}, which no stack knows; removing it`);
    const script = join(stack.home, "clusters", name, "remove.sh");
    if (!existsSync(script)) continue;
    const result = await capture("sh", [script], { env: stack.env });
    if (result.code !== 0) {
      throw new CommandError(`cluster ${name}: could not be removed\n${result.stderr.trim()}`);
    }
  }
  await rm(join(stack.home, "clusters"), { recursive: true, force: true });
  await rm(stackFile(), { force: true });
}
