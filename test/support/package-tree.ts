/** A copy of the checkout that is packed, and what was installed of it. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runCommand } from "../../toolchain/run-command.ts";

interface PackageJson {
  version: string;
  revision?: string;
  bin: Record<string, string>;
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  scripts?: unknown;
}

/** Makes a repository of the folder, commits the services alone, and returns the commit. */
export async function commitServices(cwd: string): Promise<string> {
  const git = (...args: string[]) => runCommand("git", args, { cwd });
  await git("init", "--quiet");
  await git("add", "services");
  const author = ["-c", "user.name=a", "-c", "user.email=a@b.example"];
  await git(...author, "commit", "--quiet", "--message=services");
  return (await git("rev-parse", "HEAD")).trim();
}

/** As of the shell of a user, without the flags of jest. */
export const SHELL_ENVIRONMENT = {
  ...process.env,
  NODE_OPTIONS: "",
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
};

/** Runs `npm pack` in a checkout; returns the path of the archive, which it puts into `place`. */
export async function packTree(tree: string, place: string): Promise<string> {
  const args = ["pack", "--silent", "--pack-destination", place];
  const output = await runCommand("npm", args, { cwd: tree, env: SHELL_ENVIRONMENT });
  return join(place, output.trim().split("\n").at(-1) ?? "");
}

/** Runs `npm install` in a folder, without scripts: these only download plugins that we have. */
export async function installPackage(archive: string, folder: string): Promise<void> {
  const args = ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
  await runCommand("npm", [...args, archive], { cwd: folder, env: SHELL_ENVIRONMENT });
}

export function readManifest(path: string): PackageJson {
  return JSON.parse(readFileSync(path, "utf8")) as PackageJson;
}

/** All files below a folder, relative to it. */
export function listFiles(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(folder.length + 1))
    .sort();
}
