/** Pulumi's Kubernetes plugin, from the module that the release of the same version was made of. */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recipe, RecipeContext } from "../recipe.ts";
import { buildGo, goEnvironment, requireGo } from "./go.ts";

const SOURCES = fileURLToPath(new URL("../go/pulumi-kubernetes", import.meta.url));
const PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4";
/** Where the module keeps what the plugin embeds, as it is before the vendor's own build. */
const EMBEDDED = "cmd/pulumi-resource-kubernetes";

/** Builds the plugin; `version` is that of the release which has the module's commit. */
export function buildKubernetesPlugin(version: string): Recipe {
  return async (context) => {
    await requireGo(context, SOURCES);
    const module = join(context.scratch, "pulumi-kubernetes");
    await mkdir(module);
    for (const file of ["go.mod", "go.sum", "main.go"]) {
      await copyFile(join(SOURCES, file), join(module, file));
    }
    context.report("downloading its modules");
    const folder = join(await findProvider(context, module), EMBEDDED);
    // As the vendor's build does it: the schema gets its version, and both become compact.
    const schema = await readObject(join(folder, "schema.json"));
    await writeFile(join(module, "schema.json"), JSON.stringify({ ...schema, version }));
    const mapping = await readObject(join(folder, "terraform-mapping.json"));
    await writeFile(join(module, "terraform-mapping.json"), JSON.stringify(mapping));
    await buildGo(context, {
      module,
      output: "pulumi-resource-kubernetes",
      variables: { [`${PROVIDER}/pkg/version.Version`]: version },
      hasOwnCache: true,
    });
  };
}

/** The folder of the provider's module, downloaded and verified by the go.sum. */
async function findProvider(context: RecipeContext, module: string): Promise<string> {
  const options = { cwd: module, env: goEnvironment(context) };
  const text = await context.run("go", ["mod", "download", "-json", PROVIDER], options);
  return (JSON.parse(text) as { Dir: string }).Dir;
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
}
