/** `npm run toolchain [tool...]`: acquires tools, all by default, and prints where each is from. */
import { removeCompilerCache } from "../standins/from-source/recipes/go.ts";
import { acquireAll } from "../toolchain/acquire.ts";
import { cacheLayout } from "../toolchain/directories.ts";
import { toMessage } from "../toolchain/errors.ts";
import { describeRegistries } from "../toolchain/images/registries.ts";
import type { AcquiredTool } from "../toolchain/tool.ts";

const SOURCE_NAMES: Record<AcquiredTool["source"], string> = {
  path: "found on this machine",
  cache: "cache",
  mirror: "mirror",
  release: "official release",
  source: "built from source",
};

function toTable(tools: readonly AcquiredTool[]): string {
  const rows = tools.map((tool) => [tool.name, tool.version, SOURCE_NAMES[tool.source], tool.path]);
  const widths = [0, 1, 2].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .join("\n");
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
try {
  const names = process.argv.slice(2);
  const options = { signal: stop.signal };
  const tools = await acquireAll(names.length === 0 ? undefined : names, options);
  await removeCompilerCache();
  console.log(toTable([...tools.values()]));
  console.log(await describeRegistries(cacheLayout().images, process.env));
} catch (error) {
  console.error(`plonk: ${toMessage(error)}`);
  process.exitCode = 1;
}
