/** Pulumi plugins from the user's own `$PULUMI_HOME`. */
import { existsSync } from "node:fs";
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readManifest } from "../toolchain/cache-entry.ts";

/**
 * Links the user's plugins into Plonk's home, where they take precedence. Plonk never writes to the
 * user's home: its plugins, credentials and workspaces belong to other projects, too.
 * @param theirs `$PULUMI_HOME` as set by the user.
 * @param ours the home that Plonk runs Pulumi with.
 */
export async function linkPlugins(theirs: string | undefined, ours: string): Promise<void> {
  const target = join(ours, "plugins");
  await mkdir(target, { recursive: true });
  for (const entry of await readdir(target, { withFileTypes: true })) {
    const path = join(target, entry.name);
    // Earlier versions linked whole folders; writing through such a link changes the user's home.
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
