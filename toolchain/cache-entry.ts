/** An entry of a cache, a tool or a part of an image: a directory with a manifest of its files. */
import { createHash } from "node:crypto";
import { lstat, readFile, readlink, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { toCode } from "./errors.ts";
import { hashFile, listFiles } from "./hash.ts";

const MANIFEST = "plonk-tool.json";
/** Records the verified state of the files, so that they are not read again on every run. */
const STAMP = ".plonk-verified.json";
/** Linux gives changes within one tick of its clock (100 Hz at least) the same time. */
const TICK_MILLISECONDS = 10;

/** What a manifest says of a tool. */
export interface ToolEntry {
  name: string;
  version: string;
  /** `linux-amd64` and the like. */
  platform: string;
  source: "mirror" | "release" | "source";
  /** Digest of all inputs of a source build; empty for a release. */
  inputs: string;
}

/** What it is, and its files. */
export type Manifest<About = ToolEntry> = About & {
  /** SHA-256 by path; of a link, that of where it leads, which need not be there. */
  files: Record<string, string>;
};

/** Writes the manifest of a complete directory. */
export async function sealEntry<About extends object>(
  directory: string,
  about: About,
): Promise<Manifest<About>> {
  const files: Record<string, string> = {};
  const states: Record<string, string> = {};
  for (const path of await listFiles(directory)) {
    const { state, isSettled } = await readState(join(directory, path));
    files[path] = await hashEntry(join(directory, path));
    if (isSettled) {
      states[path] = state;
    }
  }
  const manifest = { ...about, files };
  await writeStamp(directory, states);
  await writeManifest(directory, manifest);
  return manifest;
}

/** Puts a manifest beside the files that it is about. */
export async function writeManifest(directory: string, manifest: object): Promise<void> {
  await writeFile(join(directory, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The manifest of an entry; undefined when it is missing or unreadable. */
export async function readManifest<About = ToolEntry>(
  directory: string,
): Promise<Manifest<About> | undefined> {
  try {
    const text = await readFile(join(directory, MANIFEST), "utf8");
    const manifest = JSON.parse(text) as Manifest<About>;
    return typeof manifest.files === "object" ? manifest : undefined;
  } catch {
    return undefined;
  }
}

async function hashEntry(path: string): Promise<string> {
  return (await lstat(path)).isSymbolicLink()
    ? createHash("sha256")
        .update(await readlink(path))
        .digest("hex")
    : await hashFile(path);
}

interface FileState {
  /** Includes the change time (ctime): every write changes it, and no program can set it. */
  state: string;
  /** Whether any later change changes the state; another one of this very moment may not. */
  isSettled: boolean;
}

/** Read it before the content, or a change in between goes unnoticed. */
async function readState(path: string): Promise<FileState> {
  const { size, mtimeMs, ctimeMs, ino } = await lstat(path);
  const isSettled = Math.abs(Date.now() - ctimeMs) > 2 * TICK_MILLISECONDS;
  return { state: `${size} ${mtimeMs} ${ctimeMs} ${ino}`, isSettled };
}

async function readStamp(directory: string): Promise<Record<string, string>> {
  try {
    const text = await readFile(join(directory, STAMP), "utf8");
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return {};
  }
}

/**
 * Compares an entry with its manifest. Files unchanged since their last verification are not read
 * again.
 * @returns what is wrong; undefined for an intact entry.
 */
export async function findDamage(
  directory: string,
  { files }: Pick<Manifest, "files">,
): Promise<string | undefined> {
  const stamp = await readStamp(directory);
  const states: Record<string, string> = {};
  for (const [path, sha256] of Object.entries(files)) {
    const file = join(directory, path);
    const found = await readState(file).catch(() => undefined);
    if (found === undefined) {
      return `${path} is missing`;
    }
    const { state, isSettled } = found;
    if (isSettled) {
      states[path] = state;
    }
    if (stamp[path] !== state && (await hashEntry(file)) !== sha256) {
      return `${path} has changed`;
    }
  }
  if (JSON.stringify(states) !== JSON.stringify(stamp)) {
    // The cache may be read-only for this user: the files are then verified again next time.
    await writeStamp(directory, states).catch(() => undefined);
  }
  return undefined;
}

async function writeStamp(directory: string, states: Record<string, string>): Promise<void> {
  const draft = join(directory, `${STAMP}.${process.pid}`);
  await writeFile(draft, JSON.stringify(states));
  await rename(draft, join(directory, STAMP));
}

/**
 * Removes an entry. It is renamed first, so that no process sees half of it.
 * @returns whether the entry existed.
 */
export async function removeEntry(directory: string): Promise<boolean> {
  const doomed = `${directory}.removed-${process.pid}`;
  try {
    await rename(directory, doomed);
  } catch (error) {
    if (toCode(error) === "ENOENT") {
      return false;
    }
    throw error;
  }
  await rm(doomed, { recursive: true, force: true });
  return true;
}
