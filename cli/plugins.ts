/** Pulumi plugins from the user's own `$PULUMI_HOME`. */
import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readManifest } from "../toolchain/cache-entry.ts";
import { withLock } from "../toolchain/lock.ts";

/**
 * Links the user's plugins into Plonk's home, where they take precedence. Plonk never writes to the
 * user's home: its plugins, credentials and workspaces belong to other projects, too. Links that
 * are right already stay, as another command's engine may be about to start a plugin.
 * @param theirs `$PULUMI_HOME` as set by the user.
 * @param ours the home that Plonk runs Pulumi with.
 */
export async function linkPlugins(theirs: string | undefined, ours: string): Promise<void> {
  const target = join(ours, "plugins");
  await mkdir(target, { recursive: true });
  await withLock(join(ours, "plugins.lock"), async () => {
    const wanted = await findWanted(theirs, ours);
    for (const entry of await readdir(target, { withFileTypes: true })) {
      const path = join(target, entry.name);
      // Earlier versions linked whole folders; writing through such a link changes the user's home.
      const isLink = entry.isSymbolicLink() || (await isOfLinks(path));
      if (isLink && !(await isLinkedTo(path, wanted.get(entry.name)))) {
        await rm(path, { recursive: true });
      }
    }
    for (const [name, source] of wanted) {
      if (!(await isLinkedTo(join(target, name), source))) {
        await linkFiles(source, join(target, name));
      }
    }
  });
}

/** The folders of the user's plugins by name. */
async function findWanted(theirs: string | undefined, ours: string): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  if (theirs === undefined || theirs === "" || resolve(theirs) === resolve(ours)) {
    return wanted;
  }
  const source = join(resolve(theirs), "plugins");
  const found = await readdir(source, { withFileTypes: true }).catch(() => []);
  for (const { name } of found.filter((entry) => entry.isDirectory())) {
    if (await isTheirOwn(join(source, name))) {
      wanted.set(name, join(source, name));
    }
  }
  return wanted;
}

/** Whether a folder has exactly the links that `linkFiles` makes. */
async function isLinkedTo(path: string, source: string | undefined): Promise<boolean> {
  if (source === undefined) {
    return false;
  }
  const [links, names] = await Promise.all([readLinks(path), readdir(source)]);
  const wanted = names.map((name) => join(source, name));
  return links?.sort().join("\n") === wanted.sort().join("\n");
}

/** Where the entries of a folder lead; undefined when it is none of links alone. */
async function readLinks(path: string): Promise<string[] | undefined> {
  const isFolder = (await lstat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder || !(await isOfLinks(path))) {
    return undefined;
  }
  const names = await readdir(path);
  return await Promise.all(names.map((name) => readlink(join(path, name))));
}

/** Whether a plugin is completely installed and does not come from our cache. */
async function isTheirOwn(plugin: string): Promise<boolean> {
  return !existsSync(`${plugin}.partial`) && (await readManifest(plugin)) === undefined;
}

/** Links the files of a plugin, not its folder: Pulumi ignores plugin folders that are links. */
async function linkFiles(source: string, target: string): Promise<void> {
  // An existing one comes from the cache and can be installed again.
  await rm(target, { recursive: true, force: true });
  await mkdir(target);
  for (const name of await readdir(source)) {
    await symlink(join(source, name), join(target, name));
  }
}

async function isOfLinks(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  return entries?.every((entry) => entry.isSymbolicLink()) ?? false;
}
