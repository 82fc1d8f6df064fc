/** Finds a tool that the machine already has. */
import { access, constants, realpath } from "node:fs/promises";
import { basename, delimiter, isAbsolute, join } from "node:path";
import { readManifest } from "../cache-entry.ts";
import { pulumiHome } from "../directories.ts";
import { runCommand } from "../run-command.ts";
import type { AcquiredTool, Tool } from "../tool.ts";
import { hostArchitecture, type Session } from "./session.ts";

const VERSION_TIMEOUT_MILLISECONDS = 10_000;

export async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Whether the output of a version command has this version, not one that starts with it. */
export function namesVersion(output: string, version: string): boolean {
  const escaped = version.replace(/[.+*?^$(){}|[\]\\]/g, "\\$&");
  return new RegExp(`(^|[^0-9.])v?${escaped}(?![0-9A-Za-z.+-])`, "m").test(output);
}

async function hasVersion(path: string, tool: Tool, session: Session): Promise<boolean> {
  const signal = AbortSignal.any([
    session.signal,
    AbortSignal.timeout(VERSION_TIMEOUT_MILLISECONDS),
  ]);
  const versions = [tool.release?.version, tool.source?.version];
  try {
    const args = tool.onPath?.arguments ?? [];
    const output = await runCommand(path, args, { signal, env: { ...session.env } });
    return versions.some((version) => version !== undefined && namesVersion(output, version));
  } catch {
    session.signal.throwIfAborted();
    return false;
  }
}

/** The folder of the first program of that name on PATH that is not in our own cache. */
async function findFolder(program: string, session: Session): Promise<string | undefined> {
  const folders = (session.env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  for (const folder of folders) {
    const path = join(folder, program);
    const isOurs = async (): Promise<boolean> =>
      (await realpath(path)).startsWith(`${session.cache.root}/`);
    if ((await isExecutable(path)) && !(await isOurs())) {
      return folder;
    }
  }
  return undefined;
}

/**
 * The program on PATH, if its version matches. Programs in our own cache are skipped: cache entries
 * are verified, programs on PATH are not.
 */
export async function findOnPath(tool: Tool, session: Session): Promise<AcquiredTool | undefined> {
  if (tool.onPath === undefined || session.architecture !== hostArchitecture()) {
    return undefined;
  }
  const program = basename(tool.executable);
  const directory = await findFolder(program, session);
  if (directory === undefined) {
    return undefined;
  }
  const path = join(directory, program);
  const companions = tool.onPath.companions ?? [];
  const present = companions.map(async (name) => await isExecutable(join(directory, name)));
  const isWhole = (await Promise.all(present)).every(Boolean);
  return isWhole && (await hasVersion(path, tool, session))
    ? { name: tool.name, path, directory, version: versionOf(tool), source: "path" }
    : undefined;
}

/** The catalogue's version, which the one on PATH matches. */
function versionOf(tool: Tool): string {
  return (tool.release ?? tool.source)?.version ?? "";
}

/** A plugin that the user or Pulumi has installed in `$PULUMI_HOME`. */
export async function findPlugin(tool: Tool, session: Session): Promise<AcquiredTool | undefined> {
  if (tool.plugin === undefined) {
    return undefined;
  }
  const directory = join(pulumiHome(session.env), "plugins", tool.plugin);
  const path = join(directory, tool.executable);
  const isTheirs = (await isExecutable(path)) && (await readManifest(directory)) === undefined;
  return isTheirs
    ? { name: tool.name, path, directory, version: versionOf(tool), source: "path" }
    : undefined;
}
