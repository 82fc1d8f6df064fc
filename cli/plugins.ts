/** Pulumi plugins that a person has put into a `$PULUMI_HOME` of their own. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readManifest } from "../toolchain/acquire/entry.ts";

/**
 * Shows the person's plugins in Plonk's own home, where they go before Plonk's. Nothing is ever
 * written into theirs: its plugins, credentials and workspaces serve other projects.
 * @param theirs `$PULUMI_HOME` as the person has set it.
 * @param ours the home that Pulumi runs with.
 */
export async function linkPlugins(theirs: string | undefined, ours: string): Promise<void> {
  const target = join(ours, "plugins");
  await mkdir(target, { recursive: true });
  for (const entry of await readdir(target, { withFileTypes: true })) {
    const path = join(target, entry.name);
    // Links to folders are of earlier versions; what is written through one ends up in theirs.
    if (entry.isSymbolicLink() || (await isOfLinks(path))) {
      await rm(path, { recursive: true });
    }
  }
  if (theirs === undefined || theirs === "" || resolve(theirs) === resolve(ours)) {
    return;
  }
  const source = join(resolve(theirs), "plugins");
  const found = await readdir(source, { withFileTypes: true }).catch(() => []);
  for (const { name } of found.filter((entry) => entry.isDirectory())) {
    if (await isTheirOwn(join(source, name))) {
      await linkFiles(join(source, name), join(target, name));
    }
  }
}

/** Whole, as Pulumi marks those that it is installing, and not from our cache. */
async function isTheirOwn(plugin: string): Promise<boolean> {
  return !existsSync(`${plugin}.partial`) && (await readManifest(plugin)) === undefined;
}

/** Pulumi sees no plugin in a link, so that its folder is made and what is in it is linked. */
async function linkFiles(source: string, target: string): Promise<void> {
  // The one that is there comes from the cache and can be had again.
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
