/** The Pulumi CLI with what it needs to run a Node program, in one folder as the release has it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Recipe } from "../recipe.ts";
import { buildGo } from "./go.ts";

const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/**
 * Programs that the engine looks for by name, and the module of the program's own packages that
 * each of them runs: Node's dynamic providers and policy packs.
 */
const SHIMS: Record<string, string> = {
  "pulumi-resource-pulumi-nodejs": "@pulumi/pulumi/cmd/dynamic-provider",
  "pulumi-analyzer-policy": "@pulumi/pulumi/cmd/run-policy-pack",
};

/** The module is looked up from the working directory, which the engine sets to the program's. */
function toShim(module: string): string {
  return `#!/bin/sh
script=$(node -p 'require.resolve("${module}")') || exit 1
exec node "$script" "$@"
`;
}

/** The versions of the CLI and of the language host are those of the modules in `go/`. */
export function buildPulumi(versions: { cli: string; languageHost: string }): Recipe {
  return async (context) => {
    await buildGo(context, {
      module: "go/pulumi",
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      output: "bin/pulumi",
      variables: { [VERSION_VARIABLE]: `v${versions.cli}` },
    });
    await buildGo(context, {
      module: "go/language-host",
      package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
      output: "bin/pulumi-language-nodejs",
      variables: { [VERSION_VARIABLE]: `v${versions.languageHost}` },
    });
    for (const [name, module] of Object.entries(SHIMS)) {
      const options = { mode: 0o755 };
      await writeFile(join(context.destination, "bin", name), toShim(module), options);
    }
  };
}
