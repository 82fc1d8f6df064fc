/** Bundles a service into one file with esbuild, and records the inputs; a package has bundles. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import type { ServiceImageName } from "../../contract/index.ts";
import type { ImageContext } from "./context.ts";
import { readRevision } from "./revision.ts";
import { findOrBuild, hashOf } from "./store.ts";

/** The folder below `services/` that an image is made of. */
const FOLDERS: Record<ServiceImageName, string> = {
  gateway: "gateway",
  "queue-worker": "queue-worker",
  operator: "operator",
  runtime: "watchdog",
};

const MAIN = "main.mjs";

/** CommonJS dependencies call `require` for built-in modules; ES modules have none. */
const BANNER =
  'import { createRequire as plonkCreateRequire } from "node:module";\n' +
  "const require = plonkCreateRequire(import.meta.url);\n";

const OPTIONS = {
  bundle: true,
  format: "esm",
  target: "node24",
  platform: "node",
  // Identifiers are kept for readable stack traces, though minifying them would save a third.
  minifySyntax: true,
  minifyWhitespace: true,
  banner: { js: BANNER },
  logLevel: "silent",
  write: false,
  metafile: true,
} as const;

const DEFINITIONS = { __dirname: "import.meta.dirname", __filename: "import.meta.filename" };

export interface BundleRequest {
  name: ServiceImageName;
  /** The checkout or the package with `services/` in it. */
  packageRoot: string;
}

export interface Bundle {
  /** Path of the bundle. */
  file: string;
  /** SHA-256 of its content. */
  hash: string;
}

/** Record of the last bundle. */
interface Memory {
  /** Size and modification time by path, relative to the package. */
  inputs: Record<string, string>;
  hash: string;
}

/** Path of the bundle in an installed package, which was made when the package was. */
export function bundleInPackage(packageRoot: string, name: ServiceImageName): string {
  return join(packageRoot, "services", FOLDERS[name], MAIN);
}

/**
 * Bundles when an input has changed. Runs before every preview; without a change it only reads the
 * modification times of the inputs, which takes a tenth of the time.
 * @throws with esbuild's messages, which name file and line.
 */
export async function bundleService(
  context: ImageContext,
  request: BundleRequest,
): Promise<Bundle> {
  const { name, packageRoot } = request;
  const packed = await readFile(bundleInPackage(packageRoot, name), "utf8").catch(() => undefined);
  if (packed !== undefined) {
    return { file: bundleInPackage(packageRoot, name), hash: hashOf(packed) };
  }
  const revision = await readRevision(packageRoot);
  const options = hashOf({ OPTIONS, DEFINITIONS, packageRoot, revision });
  const memoryFile = join(context.images, "inputs", `${name}-${options}`);
  const known = await recall(memoryFile, packageRoot);
  const made = known === undefined ? await runEsbuild(request, revision) : undefined;
  const hash = known ?? hashOf(made?.code);
  const entry = await findOrBuild<null>({
    root: context.images,
    name: `bundle-${name}`,
    inputs: { hash },
    signal: context.signal,
    build: async (directory) => {
      const { code } = made ?? (await runEsbuild(request, revision));
      await writeFile(join(directory, MAIN), code);
      return null;
    },
  });
  if (made !== undefined) {
    await remember(memoryFile, { inputs: made.inputs, hash });
  }
  return { file: join(entry.directory, MAIN), hash };
}

async function runEsbuild(
  request: BundleRequest,
  revision: string,
): Promise<{ code: string; inputs: Record<string, string> }> {
  const { packageRoot } = request;
  const result = await build({
    ...OPTIONS,
    define: { ...DEFINITIONS, PLONK_REVISION: JSON.stringify(revision) },
    entryPoints: [findEntryPoint(request)],
    absWorkingDir: packageRoot,
  });
  const [output] = result.outputFiles;
  if (output === undefined) {
    throw new Error(`${request.name}: expected one output, got none`);
  }
  const files = [...Object.keys(result.metafile.inputs), "package-lock.json"];
  return { code: output.text, inputs: await stampAll(files, packageRoot) };
}

function findEntryPoint({ name, packageRoot }: BundleRequest): string {
  const folder = join("services", FOLDERS[name]);
  const entryPoint = join(folder, "main.ts");
  if (!existsSync(join(packageRoot, entryPoint))) {
    const expected = `${entryPoint} or ${join(folder, MAIN)}`;
    throw new Error(`${name}: expected ${expected} in ${packageRoot}, got neither`);
  }
  return entryPoint;
}

/** The hash of the last bundle, if none of its inputs has changed. */
async function recall(file: string, packageRoot: string): Promise<string | undefined> {
  try {
    const { inputs, hash } = JSON.parse(await readFile(file, "utf8")) as Memory;
    const now = await stampAll(Object.keys(inputs), packageRoot);
    return Object.entries(inputs).every(([path, stamp]) => now[path] === stamp) ? hash : undefined;
  } catch {
    // Without a readable record the service is bundled.
    return undefined;
  }
}

async function remember(file: string, memory: Memory): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}`;
  await writeFile(temporary, JSON.stringify(memory));
  await rename(temporary, file);
}

async function stampAll(
  files: readonly string[],
  packageRoot: string,
): Promise<Record<string, string>> {
  const stamps = files.map(async (file): Promise<[string, string]> => {
    // esbuild also lists inputs that are not files, such as `<define:…>`.
    const found = await stat(join(packageRoot, file)).catch(() => undefined);
    return [file, found === undefined ? "none" : `${found.size} ${found.mtimeMs}`];
  });
  return Object.fromEntries(await Promise.all(stamps));
}
