/** Debian packages together with the libraries that they need, unpacked into the cache. */
import { delimiter, join } from "node:path";
import { extractDebianPackages } from "../../standins/from-source/recipes/debian.ts";
import { hostArchitecture } from "../../toolchain/acquire/session.ts";
import { cacheLayout } from "../../toolchain/directories.ts";
import { createImageContext, type ImageContext } from "../../toolchain/images/context.ts";
import { findOrBuild } from "../../toolchain/images/store.ts";

export interface TreeRequest {
  /** Name of the result in the cache. */
  name: string;
  packages: readonly string[];
  /** Names of the dependencies that are unpacked as well; no script of an installation is run. */
  needed: RegExp;
  /** Names of those that are not, although `needed` names them. */
  needless: RegExp;
  /** Adds files of the caller's own. */
  finish?(directory: string): Promise<void>;
}

/** Unpacks the packages, which installs nothing and needs no root, and returns where they are. */
export async function unpackDebianTree(request: TreeRequest): Promise<string> {
  const context = createImageContext({ report: (line) => process.stderr.write(`${line}\n`) });
  const { directory } = await findOrBuild<null>({
    root: context.images,
    name: request.name,
    inputs: { packages: request.packages, architecture: hostArchitecture() },
    build: async (destination) => {
      context.report(`unpacking Debian's ${request.name} into the cache`);
      await extractWithDependencies(context, request, destination);
      await request.finish?.(destination);
      return null;
    },
  });
  return directory;
}

/** `LD_LIBRARY_PATH` for programs of the tree; `folders` are subfolders of the library folder. */
export function toLibraryPath(directory: string, ...folders: string[]): string {
  const triplet = hostArchitecture() === "amd64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
  const libraries = [`usr/lib/${triplet}`, `lib/${triplet}`];
  return [...libraries, ...folders.map((folder) => `usr/lib/${triplet}/${folder}`)]
    .map((folder) => join(directory, folder))
    .join(delimiter);
}

async function extractWithDependencies(
  context: ImageContext,
  request: TreeRequest,
  destination: string,
): Promise<void> {
  const architecture = hostArchitecture();
  const extract = (packages: readonly string[]): Promise<void> =>
    extractDebianPackages(context, { packages, architecture, destination });
  // The first call brings the package lists, in which apt then finds the dependencies.
  await extract(request.packages.slice(0, 1));
  const config = join(cacheLayout(context.cache).debian, architecture, "apt.conf");
  const options = ["--quiet", "--no-install-recommends", "--simulate", "install"];
  const plan = await context.run("apt-get", ["-c", config, ...options, ...request.packages]);
  const names = [...plan.matchAll(/^Inst (\S+) /gm)].map(([, name = ""]) => name);
  await extract(names.filter((name) => request.needed.test(name) && !request.needless.test(name)));
}
