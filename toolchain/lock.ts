/** A lock file between processes; it is stale once its owner has died or the machine rebooted. */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toCode } from "./errors.ts";

const POLL_MILLISECONDS = 100;
/** The guard is held only for two file operations; an older one belongs to a dead process. */
const GUARD_MILLISECONDS = 10_000;

interface Owner {
  pid: number;
  /** Clock ticks since boot, which distinguish the owner from a process that reuses its pid. */
  startTime: string;
  nonce: string;
}

export interface LockOptions {
  /** Called once with the owner's pid when another process holds the lock. */
  onWait?: ((pid: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** When a process started; undefined if it is not running (a zombie counts as not running). */
async function readStartTime(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // The command in parentheses may contain spaces, so fields are counted after it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Who holds the lock; undefined when nobody does, null when the file does not tell. */
async function readOwner(path: string): Promise<Owner | null | undefined> {
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as Partial<Owner>;
    const { pid, startTime, nonce } = value;
    return typeof pid === "number" && typeof startTime === "string" && typeof nonce === "string"
      ? { pid, startTime, nonce }
      : null;
  } catch (error) {
    return toCode(error) === "ENOENT" ? undefined : null;
  }
}

async function isAlive(owner: Owner | null): Promise<boolean> {
  return owner !== null && (await readStartTime(owner.pid)) === owner.startTime;
}

/** Links a complete file into place, so that no process reads a partial lock. */
async function tryTake(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${owner.nonce}`;
  await writeFile(draft, JSON.stringify(owner));
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (toCode(error) === "EEXIST") {
      return false;
    }
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Removes the lock if its owner is dead. The guard admits one process at a time, which checks the
 * owner again: otherwise a slow process could remove the lock that a fast one has just taken over.
 * A lock that is gone by then is left alone for the same reason: the next may take it meanwhile.
 */
async function removeStale(path: string): Promise<void> {
  const guard = `${path}.guard`;
  try {
    await (await open(guard, "wx")).close();
  } catch {
    const age = await stat(guard)
      .then((entry) => Date.now() - entry.mtimeMs)
      .catch(() => 0);
    if (age > GUARD_MILLISECONDS) {
      await rm(guard, { force: true });
    }
    return;
  }
  try {
    const owner = await readOwner(path);
    if (owner !== undefined && !(await isAlive(owner))) {
      await rm(path, { force: true });
    }
  } finally {
    await rm(guard, { force: true });
  }
}

async function take(path: string, owner: Owner, options: LockOptions): Promise<void> {
  let isTold = false;
  while (!(await tryTake(path, owner))) {
    const holder = await readOwner(path);
    if (holder !== undefined && !(await isAlive(holder))) {
      await removeStale(path);
    } else if (!isTold && holder && holder.pid !== process.pid) {
      isTold = true;
      options.onWait?.(holder.pid);
    }
    await sleep(POLL_MILLISECONDS, undefined, { signal: options.signal });
  }
}

/**
 * Runs `work` while holding the lock file at `path`; waits as long as another owner lives, and
 * takes over from a dead one.
 * @throws AbortError when `options.signal` is aborted while waiting.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const startTime = (await readStartTime(process.pid)) ?? "0";
  const owner: Owner = { pid: process.pid, startTime, nonce: randomUUID() };
  await take(path, owner, options);
  try {
    return await work();
  } finally {
    const holder = await readOwner(path);
    if (holder?.nonce === owner.nonce) {
      await unlink(path).catch(() => undefined);
    }
  }
}
