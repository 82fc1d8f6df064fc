/** A store under `$PLONK_CACHE/images`: entries are built once, renamed into place, verified. */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { findDamage, readManifest, sealEntry } from "../cache-entry.ts";
import { withLock } from "../lock.ts";

/** Entries of one name that are kept when a new one is made, the new one included. */
const KEPT_ENTRIES = 3;
/** Age after which an unfinished directory is removed, milliseconds. */
const ABANDONED_AFTER = 60 * 60 * 1000;

/** A finished entry: its directory and its builder's result. */
export interface StoreEntry<T> {
  directory: string;
  value: T;
}

export interface EntryRequest<T> {
  /** Directory that holds all entries. */
  root: string;
  /** Name of the entry, e.g. `gateway`; old entries of the same name are pruned. */
  name: string;
  /** All inputs of the result. */
  inputs: unknown;
  /** Called before a build; throws when none is allowed. */
  beforeBuild?: () => void;
  /** Fills an empty directory; the returned value is stored as JSON, with relative paths only. */
  build(directory: string): Promise<T>;
  /** Aborts the wait for another process that builds an entry of this name. */
  signal?: AbortSignal | undefined;
}

/** Increment it when results change though their inputs do not. */
const FORMAT = 2;

/** SHA-256 of the JSON of a value, in hexadecimal. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** Name of the directory of an entry. */
export function entryName(name: string, inputs: unknown): string {
  return `${name}-${hashOf({ FORMAT, inputs }).slice(0, 16)}`;
}

/** Returns the entry for these inputs; builds it if it is missing or damaged. */
export async function findOrBuild<T>(request: EntryRequest<T>): Promise<StoreEntry<T>> {
  const directory = join(request.root, entryName(request.name, request.inputs));
  const found = await readEntry<T>(directory);
  if (found) {
    return found;
  }
  request.beforeBuild?.();
  return await withLock(
    join(request.root, ".locks", request.name),
    async () => (await readEntry<T>(directory)) ?? (await buildEntry(request, directory)),
    { signal: request.signal },
  );
}

async function readEntry<T>(directory: string): Promise<StoreEntry<T> | undefined> {
  const manifest = await readManifest<{ value: T }>(directory);
  if (manifest === undefined || (await findDamage(directory, manifest)) !== undefined) {
    // Missing, unreadable or damaged entries are built again.
    return undefined;
  }
  const now = new Date();
  // In a cache that this user may only read, entries keep their age.
  await utimes(directory, now, now).catch(() => undefined);
  return { directory, value: manifest.value };
}

async function buildEntry<T>(request: EntryRequest<T>, directory: string): Promise<StoreEntry<T>> {
  request.signal?.throwIfAborted();
  await removeOld(request.root, request.name);
  const temporary = join(request.root, `.${request.name}-${process.pid}-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    const value = await request.build(temporary);
    await sealEntry(temporary, { value });
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
    return { directory, value };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Removes the oldest entries of a name, and unfinished ones of killed processes. */
async function removeOld(root: string, name: string): Promise<void> {
  const files = await readdir(root);
  const aged = await Promise.all(
    files.map(async (file) => {
      const path = join(root, file);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      return { file, path, mtimeMs };
    }),
  );
  const pattern = new RegExp(`^${name}-[0-9a-f]{16}$`);
  const old = aged
    .filter(({ file }) => pattern.test(file))
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .slice(KEPT_ENTRIES - 1);
  const abandoned = aged.filter(
    ({ file, mtimeMs }) =>
      file.startsWith(".") && file !== ".locks" && mtimeMs < Date.now() - ABANDONED_AFTER,
  );
  await Promise.all(
    [...old, ...abandoned].map(({ path }) => rm(path, { recursive: true, force: true })),
  );
}
