/**
 * Prepares the npm package: JavaScript and declarations in `dist/`, as Node does not strip types
 * below `node_modules`, and a package.json that points there and has only the dependencies of the
 * components. `npm pack` runs it before (`prepack`) and after (`postpack`).
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  globSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const manifestPath = join(root, "package.json");
/** Where the checkout's package.json is kept while the package's replaces it. */
const savedPath = join(root, "package.json.saved");

interface Manifest {
  dependencies: Record<string, string>;
  [field: string]: unknown;
}

/** Fields that programs which import the package do not need. */
const DROPPED = ["scripts", "devDependencies", "optionalDependencies", "overrides"];

/** Restores the checkout's package.json, also after an interrupted pack. */
function restore(): void {
  if (existsSync(savedPath)) {
    renameSync(savedPath, manifestPath);
  }
}

/** Writes `dist/`. */
function emit(): void {
  rmSync(dist, { recursive: true, force: true });
  const options = [
    "--noEmit false",
    `--outDir ${dist}`,
    `--rootDir ${root}`,
    "--declaration",
    "--rewriteRelativeImportExtensions",
  ];
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const config = join(root, "scripts", "tsconfig.package.json");
  const args = [compiler, "--project", config, ...options.flatMap((option) => option.split(" "))];
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`tsc: expected to compile the components, got\n${stdout}`);
  }
  for (const file of globSync(join(dist, "**/*.d.ts"))) {
    rewriteDeclaration(file);
  }
  copyAssets();
}

/** Copies the files that components read at run time, e.g. the scripts for hosts. */
function copyAssets(): void {
  for (const file of globSync("components/**/*.*", { cwd: root })) {
    if (!file.endsWith(".ts")) {
      cpSync(join(root, file), join(dist, file));
    }
  }
}

/** The compiler keeps `./x.ts` in declarations, which would resolve to a source file. */
function rewriteDeclaration(file: string): void {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(from "\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
}

/** Names of the packages that the compiled code imports. */
function findImportedPackages(): Set<string> {
  const names = globSync(join(dist, "**/*.{js,d.ts}")).flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/(?:from|import\() ?"([^".][^"]*)"/g)].map(
      ([, specifier = ""]) => toPackageName(specifier),
    ),
  );
  return new Set(names.filter((name) => !builtinModules.includes(name)));
}

function toPackageName(specifier: string): string {
  const parts = specifier.replace(/^node:/, "").split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

/** Derives the package's package.json from the checkout's. */
function toPackageManifest(manifest: Manifest): Manifest {
  const imported = findImportedPackages();
  const kept = Object.entries(manifest).filter(([field]) => !DROPPED.includes(field));
  const entry = "./dist/components/index";
  return {
    ...Object.fromEntries(kept),
    engines: { node: ">=22" },
    exports: { ".": { types: `${entry}.d.ts`, default: `${entry}.js` } },
    dependencies: Object.fromEntries(
      Object.entries(manifest.dependencies).filter(([name]) => imported.has(name)),
    ),
  };
}

restore();
if (process.argv[2] !== "restore") {
  emit();
  const text = readFileSync(manifestPath, "utf8");
  const manifest = toPackageManifest(JSON.parse(text) as Manifest);
  writeFileSync(savedPath, text);
  writeFileSync(`${manifestPath}.next`, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(`${manifestPath}.next`, manifestPath);
}
