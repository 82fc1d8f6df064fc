/**
 * Prepares the npm package: writes `dist/` and a package.json that points there and asks only for
 * what the package's own code imports. `npm pack` runs it before (`prepack`) and after
 * (`postpack`).
 */
import { existsSync, globSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { LOCK_FILE, readImageLock } from "../components/platform/image-lock.ts";
import { readRevision } from "../toolchain/images/revision.ts";
import { writePackageFiles } from "./package-files.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const manifestPath = join(root, "package.json");
/** Where the checkout's package.json is kept while the package's replaces it. */
const savedPath = join(root, "package.json.saved");

type Versions = Record<string, string>;

interface Manifest {
  name: string;
  dependencies: Versions;
  devDependencies: Versions;
  bin: Record<string, string>;
  [field: string]: unknown;
}

/** Fields that an installed package does not need. */
const DROPPED = ["scripts", "devDependencies", "overrides"];

/** Restores the checkout's package.json, also after an interrupted pack. */
function restore(): void {
  if (existsSync(savedPath)) {
    renameSync(savedPath, manifestPath);
  }
}

/** Names of the packages that the package's code imports; the services' are in their bundles. */
function findImportedPackages(): Set<string> {
  const names = globSync("**/*.{js,ts}", { cwd: dist, exclude: ["services"] }).flatMap((file) =>
    [...readFileSync(join(dist, file), "utf8").matchAll(/(?:from|import\() ?"([^".][^"]*)"/g)].map(
      ([, specifier = ""]) => toPackageName(specifier),
    ),
  );
  return new Set(names.filter((name) => !builtinModules.includes(name)));
}

function toPackageName(specifier: string): string {
  const parts = specifier.replace(/^node:/, "").split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

/** Derives the package's package.json from the checkout's; an installed one has no git to ask. */
function toPackageManifest(manifest: Manifest, revision: string): Manifest {
  const imported = findImportedPackages();
  const { bin, devDependencies, dependencies } = manifest;
  const kept = Object.entries(manifest).filter(([field]) => !DROPPED.includes(field));
  const entry = "./dist/components/index";
  // The examples' libraries are development dependencies of the checkout.
  const versions = Object.entries({ ...devDependencies, ...dependencies }).sort();
  return {
    ...(Object.fromEntries(kept) as Manifest),
    revision,
    engines: { node: ">=22" },
    bin: Object.fromEntries(Object.entries(bin).map(([name, path]) => [name, `dist/${path}`])),
    exports: { ".": { types: `${entry}.d.ts`, default: `${entry}.js` } },
    dependencies: Object.fromEntries(versions.filter(([name]) => imported.has(name))),
  };
}

/** Refuses a lock of another version's images. */
function checkImageLock(version: unknown): void {
  if (!existsSync(LOCK_FILE)) {
    return;
  }
  const { gateway } = readImageLock();
  if (!gateway.includes(`:${String(version)}@`)) {
    throw new Error(`${LOCK_FILE}: expected images of version ${String(version)}, got ${gateway}`);
  }
}

restore();
if (process.argv[2] !== "restore") {
  const text = readFileSync(manifestPath, "utf8");
  const own = JSON.parse(text) as Manifest;
  checkImageLock(own["version"]);
  const revision = await readRevision(root);
  await writePackageFiles();
  const manifest = toPackageManifest(own, revision);
  writeFileSync(savedPath, text);
  writeFileSync(`${manifestPath}.next`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${manifestPath}.next`, manifestPath);
}
