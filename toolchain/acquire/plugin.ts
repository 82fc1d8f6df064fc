/** Installs a plugin from the cache where Pulumi looks for it. */
import { constants, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findDamage, readManifest, removeEntry } from "../cache-entry.ts";
import { pulumiHome } from "../directories.ts";
import { listFiles } from "../hash.ts";
import { withLock } from "../lock.ts";
import type { Session } from "./session.ts";

/** Returns the plugin's directory in `$PULUMI_HOME`, which is not touched if it is correct. */
export async function installPlugin(
  plugin: string,
  entry: string,
  session: Session,
): Promise<string> {
  const target = join(pulumiHome(session.env), "plugins", plugin);
  await withLock(join(session.cache.locks, `${plugin}.lock`), async () => {
    const wanted = await readManifest(entry);
    const present = await readManifest(target);
    const isSame = present !== undefined && JSON.stringify(present) === JSON.stringify(wanted);
    if (isSame && (await findDamage(target, present)) === undefined) {
      return;
    }
    const draft = `${target}.partial`;
    await rm(draft, { recursive: true, force: true });
    for (const path of await listFiles(entry)) {
      await mkdir(dirname(join(draft, path)), { recursive: true });
      await copyFile(join(entry, path), join(draft, path), constants.COPYFILE_FICLONE);
    }
    await removeEntry(target);
    await rename(draft, target);
  });
  return target;
}
