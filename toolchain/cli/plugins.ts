/** Pulumi plugins that a person has put into a `$PULUMI_HOME` of their own. */
import { lstatSync } from "node:fs";
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";

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
    if (entry.isSymbolicLink()) await rm(join(target, entry.name));
  }
  if (theirs === undefined || theirs === "" || resolve(theirs) === resolve(ours)) return;
  const source = join(theirs, "plugins");
  const found = await readdir(source, { withFileTypes: true }).catch(() => []);
  for (const { name } of found.filter((entry) => entry.isDirectory())) {
    const link = join(target, name);
    // The one that is there comes from the cache and can be had again.
    if (lstatSync(link, { throwIfNoEntry: false })) await rm(link, { recursive: true });
    await symlink(join(resolve(source), name), link);
  }
}
