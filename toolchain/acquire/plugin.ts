/** Installs a plugin from the cache where Pulumi looks for it. */
import { constants, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  findDamage,
  type Manifest,
  readManifest,
  removeEntry,
  writeManifest,
} from "../cache-entry.ts";
import { pulumiHome } from "../directories.ts";
import { toCode } from "../errors.ts";
import { withLock } from "../lock.ts";
import type { Session } from "./session.ts";

/** An entry of the cache, as it was when it was looked up. */
export interface PluginEntry {
  directory: string;
  manifest: Manifest;
}

/**
 * Returns the plugin's directory in `$PULUMI_HOME`, which is not touched if it is correct; or
 * undefined where the entry is not there any more. Each checkout makes a launcher of its own, in
 * the place of another one's.
 */
export async function installPlugin(
  plugin: string,
  entry: PluginEntry,
  session: Session,
): Promise<string | undefined> {
  const target = join(pulumiHome(session.env), "plugins", plugin);
  return await withLock(join(session.cache.locks, `${plugin}.lock`), async () => {
    const present = await readManifest(target);
    const isSame =
      present !== undefined && JSON.stringify(present) === JSON.stringify(entry.manifest);
    if (isSame && (await findDamage(target, present)) === undefined) {
      return target;
    }
    const draft = `${target}.partial`;
    await rm(draft, { recursive: true, force: true });
    if (!(await copyEntry(entry, draft))) {
      await rm(draft, { recursive: true, force: true });
      return undefined;
    }
    await removeEntry(target);
    await rename(draft, target);
    return target;
  });
}

/** Copies what the manifest names, and nothing else; returns whether it is that. */
async function copyEntry({ directory, manifest }: PluginEntry, to: string): Promise<boolean> {
  for (const path of Object.keys(manifest.files)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    try {
      await copyFile(join(directory, path), join(to, path), constants.COPYFILE_FICLONE);
    } catch (error) {
      if (toCode(error) === "ENOENT") {
        return false;
      }
      throw error;
    }
  }
  await writeManifest(to, manifest);
  return (await findDamage(to, manifest)) === undefined;
}
