/** The Pulumi project of the commands: its folder, the stacks' files in it, and command lines. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import { plonkHome } from "../toolchain/directories.ts";

/** The checkout, or the package's compiled code. */
const root = dirname(import.meta.dirname);

/** Whether this is an installed package, which consists of JavaScript. */
const IS_INSTALLED = import.meta.filename.endsWith(".js");

/** The name of the stack that commands use when none is given. */
export const STACK = "local";

/**
 * Folder of Pulumi.yaml: the checkout, or for an installed package one in `$PLONK_HOME`, beside the
 * state. Nothing is written into `node_modules`, which npm may replace at any time.
 */
export function projectFolder(isInstalled = IS_INSTALLED): string {
  return isInstalled ? join(plonkHome(), "project") : root;
}

/** Path of the file with a stack's configuration; git ignores it in a checkout. */
export function stackFile(name: string): string {
  return join(projectFolder(), "stacks", `Pulumi.${name}.yaml`);
}

/** Writes the Pulumi.yaml of an installed package; a checkout has one. */
export async function ensureProject(): Promise<void> {
  if (IS_INSTALLED) {
    await writeProject(root, projectFolder());
  }
}

/**
 * Writes a Pulumi.yaml that runs the program of an installed package.
 * @param code the package's folder with Pulumi.yaml and `stacks/`
 */
export async function writeProject(code: string, folder: string): Promise<void> {
  const project = parse(await readFile(join(code, "Pulumi.yaml"), "utf8")) as object;
  const text = stringify({ ...project, main: join(code, "stacks", "index.js") }, { lineWidth: 0 });
  await mkdir(join(folder, "stacks"), { recursive: true, mode: 0o700 });
  const path = join(folder, "Pulumi.yaml");
  // Renamed into place: another command may be reading it.
  await writeFile(`${path}.${process.pid}`, text);
  await rename(`${path}.${process.pid}`, path);
}

/** How a user runs a command, for messages. */
export function toCommandLine(words: readonly string[], isInstalled = IS_INSTALLED): string {
  const [command = "", ...rest] = words;
  if (isInstalled) {
    return ["npx", "plonk", ...words].join(" ");
  }
  // npm's own lines would be part of what pulumi prints.
  const silent = command === "pulumi" ? ["--silent"] : [];
  const separator = rest.length === 0 ? [] : ["--"];
  return ["npm", "run", ...silent, command, ...separator, ...rest].join(" ");
}

/** The command line of a command for a stack. */
export function toCommand(command: string, name: string, isInstalled = IS_INSTALLED): string {
  return toCommandLine([command, ...(name === STACK ? [] : ["--stack", name])], isInstalled);
}
