/**
 * Prometheus and its projects from their modules. Prometheus' page is no part of its module: what
 * is built here serves the whole API, and no page.
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Recipe } from "../recipe.ts";
import { buildGo } from "./go.ts";
import { copyModule } from "./module-copy.ts";

const FROM_SOURCE = fileURLToPath(new URL("..", import.meta.url));
const VERSION_VARIABLE = "github.com/prometheus/common/version.Version";

/** Builds `bin/prometheus` and `bin/promtool` with the discovery of `go/prometheus/plugins.go`. */
export function buildPrometheus(version: string): Recipe {
  return async (context) => {
    const pinnedBy = "go/prometheus";
    const module = await copyModule(context, "github.com/prometheus/prometheus", pinnedBy);
    // Prometheus' own `make plugins` writes this file too.
    const plugins = join(FROM_SOURCE, pinnedBy, "plugins.go");
    await copyFile(plugins, join(FROM_SOURCE, module, "plugins/plugins.go"));
    for (const program of ["prometheus", "promtool"]) {
      await buildGo(context, {
        module,
        package: `./cmd/${program}`,
        output: `bin/${program}`,
        tags: ["netgo"],
        variables: { [VERSION_VARIABLE]: version },
      });
    }
  };
}

interface Programs {
  /** Folder of the go.mod, relative to `standins/from-source/`. */
  module: string;
  /** Package by name of the program. */
  programs: Record<string, string>;
  version: string;
}

/** Builds programs of a project that is pinned by a module of `go/`. */
export function buildPrograms({ module, programs, version }: Programs): Recipe {
  return async (context) => {
    for (const [program, path] of Object.entries(programs)) {
      await buildGo(context, {
        module,
        package: path,
        output: `bin/${program}`,
        tags: ["netgo"],
        variables: { [VERSION_VARIABLE]: version },
      });
    }
  };
}
