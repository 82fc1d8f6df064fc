/**
 * Writes `dist/`, the files of the npm package: JavaScript, as Node does not strip types below
 * `node_modules`; declarations of the library; bundles of the services, so that an installed
 * package needs none of their dependencies and makes the same images everywhere.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SERVICE_IMAGES } from "../contract/index.ts";
import { assetsInPackage, buildAssets } from "../toolchain/images/assets.ts";
import { bundleInPackage, bundleService } from "../toolchain/images/bundle.ts";
import { createImageContext } from "../toolchain/images/context.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

/** Folders whose declarations are the library's. */
const LIBRARY = ["components", "contract"];

/**
 * Files that are read at run time: scripts for hosts, sources and recipes of builds (a build's
 * digest has their text in it), modules of the examples and of the store, the commands' plain
 * JavaScript.
 */
const ASSETS = [
  "components/**/*.sh",
  "standins/from-source/**",
  "examples/*/**",
  "cli/*.js",
  "services/watchdog/functions/*.mjs",
  "plugin/schema.json",
  "Pulumi.yaml",
  // Only in a release: see `release-images.ts`.
  "images.lock.json",
];

/** Writes `dist/` anew. */
export async function writePackageFiles(): Promise<void> {
  rmSync(dist, { recursive: true, force: true });
  compile();
  copyAssets();
  await bundleServices();
}

function compile(): void {
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
    throw new Error(`tsc: expected to compile the package, got\n${stdout}`);
  }
  for (const file of globSync("**/*.d.ts", { cwd: dist })) {
    if (LIBRARY.some((folder) => file.startsWith(`${folder}/`))) {
      rewriteDeclaration(join(dist, file));
    } else {
      rmSync(join(dist, file));
    }
  }
}

/** The compiler keeps `./x.ts` in declarations, which would resolve to a source file. */
function rewriteDeclaration(file: string): void {
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(from "\.{1,2}\/[^"]+)\.ts"/g, '$1.js"'));
}

function copyAssets(): void {
  for (const file of globSync(ASSETS, { cwd: root })) {
    if (statSync(join(root, file)).isFile()) {
      cpSync(join(root, file), join(dist, file));
    }
  }
}

async function bundleServices(): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), "plonk-pack-"));
  try {
    const context = createImageContext({ cache });
    for (const name of SERVICE_IMAGES) {
      const { file } = await bundleService(context, { name, packageRoot: root });
      cpSync(file, bundleInPackage(dist, name));
    }
    const assets = await buildAssets(context, root);
    for (const folder of assets === undefined ? [] : ["docs", "ui"]) {
      const from = join(assets?.directory ?? "", folder);
      cpSync(from, join(assetsInPackage(dist), folder), { recursive: true });
    }
  } finally {
    rmSync(cache, { recursive: true });
  }
}
