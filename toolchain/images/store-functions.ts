/** The functions of the gateway's own store, which the runtime image brings along. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { STORE_FOLDER } from "../../contract/index.ts";
import { hashTree, listFiles } from "../hash.ts";
import { entriesBelow, type LayerEntry } from "./layer.ts";

/** Their sources, relative to the package: plain JavaScript, as they run in the image. */
const SOURCES = "services/watchdog/functions";

export interface StoreFunctions {
  entries: LayerEntry[];
  /** SHA-256 of the names and contents of all files. */
  hash: string;
}

/** Undefined for a package without them, as those of tests are. */
export async function listStoreFunctions(packageRoot: string): Promise<StoreFunctions | undefined> {
  const folder = join(packageRoot, SOURCES);
  if (!existsSync(folder)) {
    return undefined;
  }
  const entries = await entriesBelow(folder, (path) => `${STORE_FOLDER}${path}`);
  return { entries, hash: await hashTree(folder, await listFiles(folder)) };
}
