/**
 * The Pulumi stack of this machine: where its state lives, the environment that a plain `pulumi`
 * needs to see it, and what `up` and `down` mend before Pulumi runs.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { acquireAll } from "../toolchain/acquire.ts";
import { plonkCache, plonkHome } from "../toolchain/directories.ts";
import { capture, runCommand } from "../toolchain/run-command.ts";
import { ownClusters, stateFileOf } from "./neighbours.ts";
import { endOrphans } from "./orphans.ts";
import { linkPlugins } from "./plugins.ts";
import { CommandError, interruptible, runOnTerminal } from "./process.ts";

/** The stack that the commands mean when they are not told another one. */
export const STACK = "local";
const root = dirname(import.meta.dirname);

/** The variables of a plain `pulumi` on the local stack; `up` prints them as exports. */
export interface StackEnvironment {
  /** With another one than `up` had, the program would move its cluster there. */
  PLONK_HOME: string;
  PLONK_CACHE: string;
  PULUMI_HOME: string;
  PULUMI_BACKEND_URL: string;
  PULUMI_CONFIG_PASSPHRASE_FILE: string;
  PULUMI_SKIP_UPDATE_CHECK: string;
  /** Keeps compiled JavaScript: a run without changes spends most of its time in loading. */
  NODE_COMPILE_CACHE: string;
  PATH: string;
}

export interface LocalStack {
  /** Name of the stack. */
  name: string;
  /** Directory of the project. */
  root: string;
  home: string;
  /** Path of the pulumi CLI. */
  pulumi: string;
  exports: StackEnvironment;
  env: NodeJS.ProcessEnv;
}

/** Writes the passphrase once, readable by its owner only. */
async function ensurePassphrase(path: string): Promise<void> {
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(`${randomBytes(32).toString("base64url")}\n`);
    await file.sync();
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  }
}

/**
 * Acquires what Pulumi needs and returns the local stack; creates its directories and passphrase.
 */
export async function openLocalStack(name = STACK): Promise<LocalStack> {
  const home = plonkHome();
  const pulumiHome = join(home, "pulumi");
  await linkPlugins(process.env["PULUMI_HOME"], pulumiHome);
  await mkdir(join(home, "state"), { recursive: true, mode: 0o700 });
  const passphrase = join(home, "passphrase");
  await ensurePassphrase(passphrase);
  process.env["PULUMI_HOME"] = pulumiHome;
  const names = ["pulumi", "pulumi-resource-kubernetes", "pulumi-resource-command"];
  const tools = await interruptible((signal) => acquireAll(names, { signal }));
  const pulumi = tools.get("pulumi")?.path;
  if (pulumi === undefined) {
    throw new CommandError("pulumi: could not be acquired");
  }
  const exports: StackEnvironment = {
    PLONK_HOME: home,
    PLONK_CACHE: plonkCache(),
    PULUMI_HOME: pulumiHome,
    // Without sidecar files: Pulumi writes those in place, and one that a kill cuts short makes the
    // whole state unreadable.
    PULUMI_BACKEND_URL: `file://${join(home, "state")}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    NODE_COMPILE_CACHE: join(plonkCache(), "compiled"),
    PATH: `${dirname(pulumi)}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  };
  return { name, root, home, pulumi, exports, env: { ...process.env, ...exports } };
}

/** Runs pulumi on this terminal, in the project, on the local stack's backend. */
export function pulumi(stack: LocalStack, args: readonly string[]): Promise<number> {
  return runOnTerminal(stack.pulumi, args, { cwd: root, env: stack.env });
}

/** Runs pulumi and returns what it printed. */
export function pulumiText(
  stack: LocalStack,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const options = { cwd: root, env: stack.env, ...(input === undefined ? {} : { input }) };
  return runCommand(stack.pulumi, args, options);
}

/** Whether the backend knows the stack, finished or not. */
export function hasStack(stack: LocalStack): boolean {
  return existsSync(stateFileOf(stack));
}

/** Path of the git-ignored file with the stack's configuration. */
export function stackFile(name: string): string {
  return join(root, "stacks", `Pulumi.${name}.yaml`);
}

/**
 * Ends what a killed run has left: its processes, and its lock, which names the process that took
 * it.
 */
export async function endKilledRuns(stack: LocalStack, say: (line: string) => void): Promise<void> {
  const orphans = endOrphans(stack.exports.PULUMI_BACKEND_URL);
  if (orphans > 0) {
    say(`found ${orphans} processes of a pulumi that was killed; ended them`);
  }
  const folder = join(stack.home, "state", ".pulumi", "locks", "organization", "plonk", stack.name);
  if (!existsSync(folder)) {
    return;
  }
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    // One without content was cut short as well.
    const lock = ((await readJson(path)) ?? {}) as { pid?: number };
    if (lock.pid !== undefined && (await isPulumiRunning(lock.pid, path))) {
      throw new CommandError(
        `the stack ${stack.name} is in use by process ${lock.pid}; wait for it or stop it, then run this again`,
      );
    }
    say(`found the lock of an interrupted run (process ${lock.pid ?? "unknown"}); removed it`);
    await rm(path, { force: true });
  }
}

/**
 * Whether the process that wrote a lock is there still. Process ids are used again: it has to be a
 * pulumi, and to have begun before the lock was written.
 */
async function isPulumiRunning(pid: number, lock: string): Promise<boolean> {
  if (!existsSync(`/proc/${process.pid}`)) {
    return isAlive(pid);
  } // no procfs: not Linux
  const began = await startOf(pid);
  if (began === undefined || began > (await stat(lock)).mtimeMs) {
    return false;
  }
  const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  return command.some((word) => basename(word) === "pulumi");
}

/** When a process began, milliseconds since 1970, rounded down to seconds; undefined without it. */
async function startOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (status === undefined) {
    return undefined;
  }
  const boot = /^btime (\d+)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1];
  // The name in parentheses may hold anything, so fields count from the last parenthesis; the time
  // is in hundredths of a second on every Linux.
  const ticks = (status.split(") ").at(-1) ?? "").split(" ")[19];
  return (Number(boot) + Math.floor(Number(ticks) / 100)) * 1000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** What a file holds; undefined for a missing one, or one that is no JSON. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

/**
 * Goes back to Pulumi's copy of the state before its last write, when that write did not reach the
 * disk whole (a power cut).
 * @throws CommandError when the copy cannot be read either.
 */
export async function restoreState(stack: LocalStack, say: (line: string) => void): Promise<void> {
  const path = stateFileOf(stack);
  if (!existsSync(path) || (await readJson(path)) !== undefined) {
    return;
  }
  if ((await readJson(`${path}.bak`)) === undefined) {
    throw new CommandError(
      `${path}: expected Pulumi's state, got no JSON, neither in its copy; ` +
        "move both away and run `npm run down`",
    );
  }
  await copyFile(`${path}.bak`, path);
  say("found the state cut short; went back to the copy from before its last write");
}

/** A resource of Pulumi's state, as far as it is read here. */
export interface StateResource {
  type: string;
  urn: string;
  parent?: string;
  inputs?: { stdin?: unknown };
}

/** Pulumi's state of a stack, as far as it is read here. */
export interface StackState {
  deployment: {
    resources?: StateResource[];
    pending_operations?: { type: string; resource: { urn: string } }[];
  };
}

/** Has Pulumi print its state. */
export async function readState(stack: LocalStack): Promise<StackState> {
  const text = await pulumiText(stack, ["stack", "export", "--stack", stack.name]);
  return JSON.parse(text) as StackState;
}

/**
 * Forgets operations that a killed run had begun. Each of them can be done again: objects are
 * applied, not created, and the cluster's scripts are idempotent.
 */
export async function clearPendingOperations(
  stack: LocalStack,
  state: StackState,
  say: (line: string) => void,
): Promise<void> {
  const pending = state.deployment.pending_operations ?? [];
  if (pending.length === 0) {
    return;
  }
  for (const operation of pending) {
    const name = operation.resource.urn.split("::").slice(2).join(" ");
    say(`found an interrupted ${operation.type.replace(/ing$/, "e")} of ${name}; it is done again`);
  }
  delete state.deployment.pending_operations;
  await pulumiText(stack, ["stack", "import", "--stack", stack.name], JSON.stringify(state));
}

/** The stack's clusters on this machine that earlier runs left a start script for. */
export async function localClusters(stack: LocalStack): Promise<string[]> {
  const names = await ownClusters(stack, stack.name);
  return names.filter((name) => existsSync(join(stack.home, "clusters", name, "start.sh")));
}

/** Starts every cluster of the stack that is not running; after a reboot none is. */
export async function restartClusters(
  stack: LocalStack,
  say: (line: string) => void,
): Promise<void> {
  for (const name of await localClusters(stack)) {
    const script = join(stack.home, "clusters", name, "start.sh");
    const result = await capture("sh", [script], { env: stack.env });
    if (result.code !== 0) {
      throw new CommandError(`cluster ${name}: could not be started\n${result.stderr.trim()}`);
    }
    for (const line of result.stdout.trim().split("\n").filter(Boolean)) {
      say(line);
    }
  }
}
