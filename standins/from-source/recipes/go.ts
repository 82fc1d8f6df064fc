/** Builds a program from one of the small Go modules here, whose go.sum pins all of its sources. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheLayout, plonkCache } from "../../../toolchain/directories.ts";
import { toCode, toMessage, ToolchainError } from "../../../toolchain/errors.ts";
import { withLock } from "../../../toolchain/lock.ts";
import type { RecipeContext } from "../recipe.ts";

const FROM_SOURCE = fileURLToPath(new URL("..", import.meta.url));

export interface GoBuild {
  /** Folder of the go.mod, absolute or relative to `standins/from-source/`. */
  module: string;
  /** What to build. @default the module's own main package */
  package?: string;
  /** Path of the program within the recipe's destination. */
  output: string;
  /** Values of string variables in the program, by import path and name. */
  variables?: Record<string, string>;
  tags?: readonly string[];
  /** Whether parts of it are C. @default false */
  cgo?: boolean;
  /**
   * Whether the compiler's cache is this program's alone and goes when it is built: for gigabytes
   * that no other build would use. An interrupted build goes on with it. @default false
   */
  hasOwnCache?: boolean;
}

/** Whether a version such as `1.26.8` is at least another. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, need] = [version, minimum].map((text) => text.split(".").map(Number));
  for (const [index, part] of (need ?? []).entries()) {
    const difference = (have?.[index] ?? 0) - part;
    if (difference !== 0) {
      return difference > 0;
    }
  }
  return true;
}

/** Everything that Go writes goes below the cache, and it fetches no other Go by itself. */
export function goEnvironment(
  context: Pick<RecipeContext, "cache" | "architecture">,
): Record<string, string> {
  const cache = cacheLayout(context.cache);
  return {
    CGO_ENABLED: "0",
    GOARCH: context.architecture,
    GOCACHE: cache.goBuild,
    GOFLAGS: "-trimpath -modcacherw -mod=readonly -buildvcs=false",
    // For the compiler itself, which spends a fifth of its time on its own garbage otherwise.
    GOGC: "400",
    GOMEMLIMIT: "3GiB",
    GOMODCACHE: cache.goModules,
    GOOS: "linux",
    GOPATH: dirname(cache.goModules),
    GOTOOLCHAIN: "local",
    GOWORK: "off",
  };
}

/** @throws ToolchainError `go` when Go is missing or older than the module in this folder needs. */
export async function requireGo(context: RecipeContext, module: string): Promise<void> {
  const text = await readFile(join(module, "go.mod"), "utf8");
  const minimum = /^go (\S+)$/m.exec(text)?.[1] ?? "1.0";
  const wanted = `Go: must be on PATH in version ${minimum} or newer to build this from source`;
  let version: string;
  try {
    const env = { GOTOOLCHAIN: "local", GOFLAGS: "" };
    version = (await context.run("go", ["env", "GOVERSION"], { env })).trim();
  } catch (error) {
    context.signal.throwIfAborted();
    throw new ToolchainError(
      "go",
      `${wanted}, got none (${toMessage(error)}); https://go.dev/dl has it`,
      { cause: error },
    );
  }
  const [number = ""] = /\d+(\.\d+)*/.exec(version) ?? [];
  if (!isAtLeast(number, minimum)) {
    throw new ToolchainError("go", `${wanted}, got ${version}; https://go.dev/dl has a newer one`);
  }
}

/** One build at a time on the whole machine. */
function lockOf(cache: string): string {
  return join(cacheLayout(cache).locks, "go-build.lock");
}

/**
 * Removes what the compiler keeps for the next build: many gigabytes. For the end of a run that has
 * built all that it wanted; one that was interrupted leaves it, so that the next goes on with it.
 * Does nothing while another process builds, which will come to its own end.
 * @param cache @default `$PLONK_CACHE`
 */
export async function removeCompilerCache(cache = plonkCache()): Promise<void> {
  const { goBuild } = cacheLayout(cache);
  if (!existsSync(goBuild)) {
    return;
  }
  const busy = new AbortController();
  try {
    await withLock(lockOf(cache), () => removeUnused(goBuild), {
      onWait: () => busy.abort(),
      signal: busy.signal,
    });
  } catch (error) {
    if (!busy.signal.aborted) {
      throw error;
    }
  }
}

/** A build writes there before it waits for its turn: it will come to its own end, too. */
async function removeUnused(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (toCode(error) !== "ENOTEMPTY") {
      throw error;
    }
  }
}

/**
 * Builds one program; one build at a time on the whole machine, as each takes all cores and
 * gigabytes of memory.
 * @throws ToolchainError `go` when Go is missing or too old.
 */
export async function buildGo(context: RecipeContext, build: GoBuild): Promise<void> {
  const module = resolve(FROM_SOURCE, build.module);
  await requireGo(context, module);
  const output = join(context.destination, build.output);
  await mkdir(dirname(output), { recursive: true });
  const variables = Object.entries(build.variables ?? {}).map(
    ([name, value]) => `-X ${name}=${value}`,
  );
  // The linker leaves debugging information out, so the compiler need not make it.
  const flags = ["-ldflags", ["-s", "-w", ...variables].join(" "), "-gcflags", "all=-dwarf=false"];
  const tags = build.tags === undefined ? [] : ["-tags", build.tags.join(",")];
  const what = build.package ?? ".";
  const name = what === "." ? basename(module) : what;
  const own = `${cacheLayout(context.cache).goBuild}-${basename(module)}`;
  const env = {
    ...goEnvironment(context),
    ...(build.cgo === true && { CGO_ENABLED: "1" }),
    ...(build.hasOwnCache === true && { GOCACHE: own }),
  };
  context.report(`fetching the modules of ${name}`);
  // Loads every package and so downloads its module, while another build has the processors.
  await context.run("go", ["list", "-deps", "-f", "{{with .Error}}{{end}}", ...tags, what], {
    cwd: module,
    env,
  });
  const compile = async (): Promise<void> => {
    context.report(`compiling ${name}`);
    await context.run("go", ["build", ...flags, "-o", output, ...tags, what], { cwd: module, env });
    await rm(own, { recursive: true, force: true });
  };
  context.report(`waiting for its turn to compile ${name}`);
  await withLock(lockOf(context.cache), compile, {
    onWait: (pid) => context.report(`waiting for the Go build of process ${pid}`),
    signal: context.signal,
  });
}
