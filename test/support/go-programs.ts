/** Go programs of tests and benchmarks, built once and kept in the cache. */
import { join } from "node:path";
import { buildGo } from "../../standins/from-source/recipes/go.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { hashFile, listFiles } from "../../toolchain/hash.ts";
import type { ImageContext } from "../../toolchain/images/context.ts";
import { findOrBuild } from "../../toolchain/images/store.ts";

export interface GoPrograms {
  /** Folder in the cache. */
  root: string;
  /** Name of the entry in there. */
  name: string;
  /** Folder of the go.mod. */
  module: string;
  /** What to build, by the names of the programs. */
  packages: Readonly<Record<string, string>>;
}

/** Resolves to the folder with the programs, which are built where the cache lacks them. */
export async function buildGoPrograms(
  context: ImageContext,
  { root, name, module, packages }: GoPrograms,
): Promise<string> {
  const architecture = hostArchitecture();
  const files = await listFiles(module);
  const digests = await Promise.all(files.map((file) => hashFile(join(module, file))));
  const entry = await findOrBuild<null>({
    root,
    name,
    inputs: { files, digests, architecture },
    signal: context.signal,
    build: async (destination) => {
      const acquire = (tool: string): Promise<string> =>
        Promise.reject(new Error(`${tool}: not needed here`));
      const recipe = { ...context, destination, scratch: destination, architecture, acquire };
      for (const [output, what] of Object.entries(packages)) {
        await buildGo(recipe, { module, package: what, output });
      }
      return null;
    },
  });
  return entry.directory;
}
