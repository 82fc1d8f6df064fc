/** `plonk down`: removes the local stack, its cluster and its files, also after a failed `up`. */
import { readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { capture } from "../toolchain/run-command.ts";
import {
  clearPendingOperations,
  endKilledRuns,
  hasStack,
  localClusters,
  type LocalStack,
  openLocalStack,
  pulumi,
  pulumiText,
  readState,
  restartClusters,
  restoreState,
} from "./local-stack.ts";
import { ownClusters, releaseSubnets } from "./neighbours.ts";
import { checkMachine, isOnThisMachine } from "./preflight.ts";
import { CommandError, say } from "./process.ts";
import { stackFile, toCommand } from "./project.ts";
import { parseRequest } from "./up.ts";

export async function down(args: readonly string[]): Promise<number> {
  const { name } = parseRequest("down", args);
  const isLocal = isOnThisMachine([], stackFile(name));
  if (isLocal) {
    checkMachine();
  }
  const stack = await openLocalStack(name);
  if (hasStack(stack)) {
    await endKilledRuns(stack, say);
    await restoreState(stack, say);
    await clearPendingOperations(stack, await readState(stack), say);
    await startForDestroy(stack);
    const code = await pulumi(stack, ["destroy", "--stack", name, "--yes", "--skip-preview"]);
    if (code !== 0) {
      say(`not finished; run \`${toCommand("down", name)}\` again to continue`);
      return code;
    }
    await pulumiText(stack, ["stack", "rm", "--stack", name, "--yes"]);
  } else {
    say(`there is no stack ${name}`);
  }
  await removeLeftovers(stack);
  say(`everything is removed, except the caches${isLocal ? "" : KEPT_ELSEWHERE}`);
  return 0;
}

/** What stays on a cluster that Plonk did not create: other users' objects, and data. */
const KEPT_ELSEWHERE =
  " and, on the cluster, the namespaces openfaas and openfaas-fn with others' objects and the " +
  "volumes, and the definition of Functions";

/** A cluster that cannot start is not an error: its objects are deleted together with it. */
async function startForDestroy(stack: LocalStack): Promise<void> {
  try {
    await restartClusters(stack, say);
  } catch (error) {
    if (!(error instanceof CommandError)) {
      throw error;
    }
    say(`${error.message}; removing it all the same`);
  }
}

/** Removes this stack's clusters that a killed run created before Pulumi recorded them. */
async function removeLeftovers(stack: LocalStack): Promise<void> {
  for (const name of await localClusters(stack)) {
    say(`found cluster ${name}, which the stack does not know; removing it`);
    const folder = join(stack.home, "clusters", name);
    const script = join(folder, "remove.sh");
    const result = await capture("sh", [script], { env: stack.env });
    if (result.code !== 0) {
      throw new CommandError(`cluster ${name}: could not be removed\n${result.stderr.trim()}`);
    }
  }
  for (const name of await ownClusters(stack, stack.name)) {
    await removeFolder(join(stack.home, "clusters", name));
  }
  // Only when it is empty.
  await rmdir(join(stack.home, "clusters")).catch(() => undefined);
  await releaseSubnets(stack);
  await rm(stackFile(stack.name), { force: true });
}

/** Deletes a folder. Refuses to when something is mounted in it, which may be the user's data. */
export async function removeFolder(folder: string): Promise<void> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  const inside = mounts
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .find((mount) => mount === folder || mount.startsWith(`${folder}/`));
  if (inside !== undefined) {
    throw new CommandError(`${inside}: expected no mount, got one; unmount it and run this again`);
  }
  await rm(folder, { recursive: true, force: true });
}
