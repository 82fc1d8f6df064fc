/**
 * The Pulumi stack of this machine: the location of its state, the environment that a plain
 * `pulumi` needs for it, and the repairs that `up` and `down` make before Pulumi runs.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { acquireAll } from "../toolchain/acquire.ts";
import { plonkCache, plonkHome } from "../toolchain/directories.ts";
import { capture, runCommand } from "../toolchain/run-command.ts";
import { ownClusters, stateFileOf } from "./neighbours.ts";
import { endOrphans } from "./orphans.ts";
import { linkPlugins } from "./plugins.ts";
import { CommandError, interruptible, runOnTerminal } from "./process.ts";
import { ensureProject, projectFolder, STACK, toCommand } from "./project.ts";

/** The variables of a plain `pulumi` on the local stack; `up` prints them as exports. */
export interface StackEnvironment {
  /** Must be the same as for `up`, or the program would move the cluster. */
  PLONK_HOME: string;
  PLONK_CACHE: string;
  PULUMI_HOME: string;
  PULUMI_BACKEND_URL: string;
  PULUMI_CONFIG_PASSPHRASE_FILE: string;
  PULUMI_SKIP_UPDATE_CHECK: string;
  /** Caches compiled JavaScript: loading is most of the time of a run without changes. */
  NODE_COMPILE_CACHE: string;
  PATH: string;
}

export interface LocalStack {
  /** Name of the stack. */
  name: string;
  /** Directory of Pulumi.yaml. */
  project: string;
  home: string;
  /** Path of the pulumi CLI. */
  pulumi: string;
  exports: StackEnvironment;
  env: NodeJS.ProcessEnv;
}

/**
 * Creates the passphrase file if it is missing, readable by its owner only. It is linked into place
 * as a whole: another command may read it at once, and one that was cut short would stay.
 */
export async function ensurePassphrase(path: string): Promise<void> {
  if (existsSync(path)) {
    return;
  }
  const draft = `${path}.${randomUUID()}`;
  try {
    const file = await open(draft, "wx", 0o600);
    await file.writeFile(`${randomBytes(32).toString("base64url")}\n`);
    await file.sync();
    await file.close();
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Acquires Pulumi and returns the local stack; creates its directories and passphrase.
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
    // Without metadata files: Pulumi does not write them atomically, and a truncated one makes the
    // whole state unreadable.
    PULUMI_BACKEND_URL: `file://${join(home, "state")}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE_FILE: passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    NODE_COMPILE_CACHE: join(plonkCache(), "compiled"),
    PATH: `${dirname(pulumi)}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  };
  await ensureProject();
  const env = { ...process.env, ...exports };
  return { name, project: projectFolder(), home, pulumi, exports, env };
}

/** Runs pulumi on this terminal, in the project's folder, with the local stack's backend. */
export function pulumi(stack: LocalStack, args: readonly string[]): Promise<number> {
  return runOnTerminal(stack.pulumi, args, { cwd: stack.project, env: stack.env });
}

/** Runs pulumi and returns what it printed. */
export function pulumiText(
  stack: LocalStack,
  args: readonly string[],
  input?: string,
): Promise<string> {
  return runCommand(stack.pulumi, args, { cwd: stack.project, env: stack.env, input });
}

/** Whether the stack exists in the backend, also after a failed `up`. */
export function hasStack(stack: LocalStack): boolean {
  return existsSync(stateFileOf(stack));
}

/**
 * Cleans up after killed runs: ends their processes and removes their locks, which contain the pid
 * of their owner.
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
    // An empty file is a truncated lock.
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
 * Whether the owner of a lock is still running. Pids are reused, so it must be a pulumi that
 * started before the lock was written.
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

/** Start of a process, milliseconds since 1970, rounded down to seconds; undefined without one. */
async function startOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (status === undefined) {
    return undefined;
  }
  const boot = /^btime (\d+)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1];
  // The name in parentheses may contain anything, so fields are counted from the last parenthesis.
  // Ticks are hundredths of a second on every Linux.
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

/** The content of a JSON file; undefined when it is missing or not JSON. */
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
 * Restores Pulumi's backup of the state when the last write is incomplete, as after a power cut.
 * @throws CommandError when the backup is unreadable, too.
 */
export async function restoreState(stack: LocalStack, say: (line: string) => void): Promise<void> {
  const path = stateFileOf(stack);
  if (!existsSync(path) || (await readJson(path)) !== undefined) {
    return;
  }
  if ((await readJson(`${path}.bak`)) === undefined) {
    throw new CommandError(
      `${path}: expected Pulumi's state, got no JSON, neither in its copy; ` +
        `move both away and run \`${toCommand("down", stack.name)}\``,
    );
  }
  await copyFile(`${path}.bak`, path);
  say("the state was incomplete; restored Pulumi's backup from before the last write");
}

/** A resource in Pulumi's state; the fields that are used here. */
export interface StateResource {
  type: string;
  urn: string;
  parent?: string;
  inputs?: { stdin?: unknown };
}

/** Pulumi's state of a stack; the fields that are used here. */
export interface StackState {
  deployment: {
    resources?: StateResource[];
    pending_operations?: { type: string; resource: { urn: string } }[];
  };
}

/** Reads the state with `pulumi stack export`. */
export async function readState(stack: LocalStack): Promise<StackState> {
  const text = await pulumiText(stack, ["stack", "export", "--stack", stack.name]);
  return JSON.parse(text) as StackState;
}

/**
 * Removes the pending operations of a killed run from the state. All of them can be repeated:
 * objects are applied, not created, and the cluster's scripts are idempotent.
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

/** Names of the stack's clusters on this machine that have a start script. */
export async function localClusters(stack: LocalStack): Promise<string[]> {
  const names = await ownClusters(stack, stack.name);
  return names.filter((name) => existsSync(join(stack.home, "clusters", name, "start.sh")));
}

/** Starts the clusters of the stack that are not running, as after a reboot. */
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
