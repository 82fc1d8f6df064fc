/** Programs that are built in a copy of their module, as only the main module's settings count. */
import { cp } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { RecipeContext } from "../recipe.ts";
import { goEnvironment } from "./go.ts";

const FROM_SOURCE = fileURLToPath(new URL("..", import.meta.url));

/**
 * Copies a module to where it can be written to.
 *
 * @param module its path, e.g. `github.com/prometheus/prometheus`
 * @param pinnedBy folder of the go.mod and go.sum that pin it, relative to `standins/from-source/`
 * @returns folder of the copy, relative to `standins/from-source/`
 */
export async function copyModule(
  context: RecipeContext,
  module: string,
  pinnedBy: string,
): Promise<string> {
  context.report(`fetching ${module}`);
  const output = await context.run("go", ["mod", "download", "-json", module], {
    cwd: join(FROM_SOURCE, pinnedBy),
    env: goEnvironment(context),
  });
  const { Dir: directory } = JSON.parse(output) as { Dir: string };
  const sources = join(context.scratch, "module");
  await cp(directory, sources, { recursive: true });
  await context.run("chmod", ["-R", "u+w", sources]);
  return relative(FROM_SOURCE, sources);
}
