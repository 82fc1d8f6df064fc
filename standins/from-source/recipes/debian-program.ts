/** Programs of a Debian package under the names that their own project gives them. */
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Recipe } from "../recipe.ts";
import { extractDebianPackages } from "./debian.ts";

export interface DebianPrograms {
  package: string;
  /** Path in the package, by name in the tool's `bin`. */
  programs: Record<string, string>;
  /** Further files that a program reads: path in the package, by path in the tool's directory. */
  files?: Record<string, string>;
}

/** The programs need the C library of the machine or the image that they run in. */
export function takeFromDebian({ package: name, programs, files }: DebianPrograms): Recipe {
  return async (context) => {
    const destination = join(context.scratch, "files");
    const { architecture } = context;
    await extractDebianPackages(context, { packages: [name], architecture, destination });
    const bin = join(context.destination, "bin");
    await mkdir(bin, { recursive: true });
    for (const [program, path] of Object.entries(programs)) {
      await copyFile(join(destination, path), join(bin, basename(program)));
      await chmod(join(bin, program), 0o755);
    }
    for (const [file, path] of Object.entries(files ?? {})) {
      await mkdir(dirname(join(context.destination, file)), { recursive: true });
      await copyFile(join(destination, path), join(context.destination, file));
    }
  };
}
