/** Copies a file, a folder or the content of an archive to a host over SFTP. */
import { readdir, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import { type Asset, readAsset } from "../../provider-protocol/assets.ts";
import type { PropertyMap } from "../../provider-protocol/values.ts";
import type { Connection } from "../connection.ts";
import { throwIfStopped } from "../output.ts";
import { dial, type DialOptions } from "./dial.ts";
import { whileConnected } from "./login.ts";
import { RemoteFiles } from "./sftp.ts";

export interface Copy extends DialOptions {
  connection: Connection;
  source: PropertyMap;
  remotePath: string;
}

interface Work {
  files: RemoteFiles;
  signal: AbortSignal;
}

/**
 * Copies as the official plugin does: a folder is copied into the remote folder, or only its
 * content if its path ends with a slash; a file is copied into an existing folder, or overwrites a
 * file; archives are not unpacked. Files get the remote user's default mode.
 * @throws Error when the host is unreachable or a path has the wrong type
 */
export async function copyToRemote(copy: Copy): Promise<void> {
  const asset = readAsset(copy.source);
  const login = await dial(copy.connection, copy);
  const giveUp = (): void => void login.client.destroy();
  copy.signal.addEventListener("abort", giveUp, { once: true });
  try {
    const files = await whileConnected(login, RemoteFiles.open(login.client));
    const work = copyAsset({ files, signal: copy.signal }, asset, copy.remotePath);
    await whileConnected(login, work);
  } catch (error) {
    throwIfStopped(copy.signal);
    throw error;
  } finally {
    copy.signal.removeEventListener("abort", giveUp);
    login.close();
  }
}

async function copyAsset(work: Work, asset: Asset, path: string): Promise<void> {
  if (asset.kind === "text") {
    await copyText(work, asset.text, path);
  } else if (asset.kind === "entries") {
    await work.files.makeFolder(path);
    await copyEntries(work, asset.entries, path);
  } else {
    await copyPath(work, asset.path, path);
  }
}

async function copyText({ files }: Work, text: string, path: string): Promise<void> {
  if ((await files.find(path))?.isDirectory()) {
    throw new Error(`remotePath: expected a file for a text, got the folder ${path}`);
  }
  await files.makeFolder(posix.dirname(path));
  await files.write(text, path);
}

async function copyPath(work: Work, source: string, path: string): Promise<void> {
  const inside = posix.join(path, basename(source));
  if ((await stat(source)).isDirectory()) {
    await copyFolder(work, source, source.endsWith("/") ? path : inside);
    return;
  }
  const found = await work.files.find(path);
  if (!found) {
    await work.files.makeFolder(posix.dirname(path));
  }
  await work.files.upload(source, found?.isDirectory() ? inside : path);
}

async function copyFolder(work: Work, source: string, path: string): Promise<void> {
  const entries = await readdir(source, { withFileTypes: true });
  await work.files.makeFolder(path);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    throwIfStopped(work.signal);
    const [from, to] = [join(source, entry.name), posix.join(path, entry.name)];
    // Links to files are followed; links to folders, which could be cyclic, are an error.
    if (entry.isDirectory()) {
      await copyFolder(work, from, to);
    } else {
      await work.files.upload(from, to);
    }
  }
}

/** Copies the entries of an archive that the program has assembled. */
async function copyEntries(
  work: Work,
  entries: Record<string, Asset>,
  path: string,
): Promise<void> {
  for (const [name, entry] of Object.entries(entries)) {
    throwIfStopped(work.signal);
    await copyEntry(work, entry, posix.join(path, name));
  }
}

async function copyEntry(work: Work, entry: Asset, path: string): Promise<void> {
  if (entry.kind === "entries") {
    await copyEntries(work, entry.entries, path);
    return;
  }
  if (entry.kind === "archive") {
    if (!(await stat(entry.path)).isDirectory()) {
      throw new Error(`source: expected files and folders, got the packed ${entry.path}`);
    }
    await copyFolder(work, entry.path, path);
    return;
  }
  await work.files.makeFolder(posix.dirname(path));
  if (entry.kind === "text") {
    await work.files.write(entry.text, path);
  } else {
    await work.files.upload(entry.path, path);
  }
}
