/** The launcher of a stand-in for a provider plugin that only its vendor serves. */
import { writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recipe } from "../recipe.ts";

const STANDINS = fileURLToPath(new URL("../..", import.meta.url));

/** For use between single quotes of sh. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The launcher. Its text says where this very copy of Plonk and its Node are, so another copy
 * writes its own.
 */
export function toLauncher(name: string): string {
  const node = quote(process.execPath);
  // JavaScript in an installed package.
  const extension = extname(import.meta.filename);
  const main = quote(join(STANDINS, `pulumi-${name}`, `main${extension}`));
  return `#!/bin/sh
exec ${node} --disable-warning=ExperimentalWarning ${main} "$@"
`;
}

/** Writes the launcher of `standins/pulumi-<name>` as `pulumi-resource-<name>`. */
export function writeStandIn(name: string): Recipe {
  return async (context) => {
    const path = join(context.destination, `pulumi-resource-${name}`);
    await writeFile(path, toLauncher(name), { mode: 0o755 });
  };
}
