/** Builds the gateway's static files: its page with Vite, and the API documentation. */
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import type { ImageContext } from "./context.ts";
import { findOrBuild, hashOf } from "./store.ts";

/** The page's sources, relative to the package. */
const UI_SOURCES = "services/gateway/ui";

/** Files of the assets' `docs/`, relative to the package; missing ones are left out. */
const DOCS_SOURCES = [
  "services/gateway/docs/index.html",
  "services/gateway/docs/initializer.js",
  "docs/openapi.json",
];
const SWAGGER_SOURCES = [
  "index.css",
  "swagger-ui.css",
  "swagger-ui-bundle.js",
  "favicon-32x32.png",
].map((file) => `node_modules/@fastify/swagger-ui/static/${file}`);

/** Its content changes with the versions of Vite and Preact. */
const LOCK = "package-lock.json";

export interface Assets {
  /** Folder with `ui/` and `docs/`. */
  directory: string;
  /** SHA-256 of the names and contents of all files. */
  hash: string;
}

/** Path of the assets in an installed package, which were made when the package was. */
export function assetsInPackage(packageRoot: string): string {
  return join(packageRoot, "services/gateway/assets");
}

/**
 * Builds when the content of a source has changed. Runs before every preview; without a change it
 * only reads the sources, which are few and small. Undefined for a package without them.
 * @throws with Vite's messages, which name file and line.
 */
export async function buildAssets(
  context: ImageContext,
  packageRoot: string,
): Promise<Assets | undefined> {
  const packed = await readAssets(assetsInPackage(packageRoot)).catch(ignoreMissing);
  if (packed !== undefined) {
    return packed;
  }
  const sources = await listSources(packageRoot);
  if (sources === undefined) {
    return undefined;
  }
  const entry = await findOrBuild<{ hash: string }>({
    root: context.images,
    name: "assets",
    inputs: await hashAll([...sources, ...DOCS_SOURCES, LOCK], packageRoot),
    signal: context.signal,
    build: async (directory) => {
      context.report("building the gateway's page");
      await buildPage(context, packageRoot, join(directory, "ui"));
      await copyDocs(packageRoot, join(directory, "docs"));
      return { hash: (await readAssets(directory)).hash };
    },
  });
  return { directory: entry.directory, hash: entry.value.hash };
}

async function readAssets(directory: string): Promise<Assets> {
  return { directory, hash: hashOf(await hashAll(await listBelow(directory), directory)) };
}

async function listSources(packageRoot: string): Promise<string[] | undefined> {
  const folder = join(packageRoot, UI_SOURCES);
  const files = await listBelow(folder).catch(() => undefined);
  return files?.map((file) => `${UI_SOURCES}/${file}`);
}

/** Runs Vite in a child process: it is large, and can be aborted there. */
async function buildPage(context: ImageContext, packageRoot: string, to: string): Promise<void> {
  const require = createRequire(join(packageRoot, "package.json"));
  const vite = join(dirname(require.resolve("vite/package.json")), "bin", "vite.js");
  const page = join(packageRoot, UI_SOURCES);
  const options = ["--configLoader", "native", "--logLevel", "warn", "--outDir", to];
  const env = { NO_COLOR: "1" };
  await context.run(process.execPath, [vite, "build", page, ...options], { cwd: page, env });
}

async function copyDocs(packageRoot: string, to: string): Promise<void> {
  await mkdir(to);
  const copies = [...DOCS_SOURCES, ...SWAGGER_SOURCES].map(async (file) => {
    await cp(join(packageRoot, file), join(to, basename(file))).catch(ignoreMissing);
  });
  await Promise.all(copies);
}

async function hashAll(files: readonly string[], root: string): Promise<[string, string][]> {
  const hashes = [...files].sort().map(async (file): Promise<[string, string]> => {
    const content = await readFile(join(root, file)).catch(ignoreMissing);
    const hash = createHash("sha256")
      .update(content ?? "")
      .digest("hex");
    return [file, content === undefined ? "none" : hash];
  });
  return await Promise.all(hashes);
}

/** Paths of all files below a folder, relative to it. */
async function listBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((file) => file.isFile())
    .map((file) => relative(folder, join(file.parentPath, file.name)));
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
    throw error;
  }
  return undefined;
}
