/** Checks the requirements of a cluster on this machine before anything is downloaded. */
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CommandError } from "./process.ts";

/** Programs that the cluster's script calls, and the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  ip: "iproute2",
  mount: "mount",
  umount: "mount",
  nsenter: "util-linux",
  unshare: "util-linux",
  setsid: "util-linux",
  flock: "util-linux",
  tar: "tar",
};

/** Folders that the script searches in addition to PATH. */
const STANDARD = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The checked properties of a machine. */
interface Machine {
  /** User id of the process; undefined where the system has none. */
  userId: number | undefined;
  platform: string;
  path: string;
}

function thisMachine(): Machine {
  return {
    userId: process.getuid?.(),
    platform: process.platform,
    path: `${process.env["PATH"] ?? ""}:${STANDARD}`,
  };
}

/** Whether a machine has a program. */
export function hasProgram(name: string, { path } = thisMachine()): boolean {
  return path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .some((folder) => isExecutable(join(folder, name)));
}

/** Whether a stack's cluster is on this machine, by the new settings and the stack's file. */
export function isOnThisMachine(settings: readonly string[], file: string): boolean {
  const given = settings.findLast((setting) => setting.startsWith("plonk:target="));
  if (given !== undefined) {
    return given !== "plonk:target=existing";
  }
  return !existsSync(file) || !/^ *plonk:target: *existing *$/m.test(readFileSync(file, "utf8"));
}

/** @throws CommandError with a line for each missing requirement */
export function checkMachine(machine = thisMachine()): void {
  const lines: string[] = [];
  if (machine.platform !== "linux") {
    lines.push(`system: expected linux, got ${machine.platform}`);
  }
  if (machine.userId !== 0) {
    lines.push(
      `user: expected root, to run a cluster here, got user id ${machine.userId ?? "none"}`,
    );
  }
  for (const [name, source] of Object.entries(PROGRAMS)) {
    if (!hasProgram(name, machine)) {
      lines.push(`${name}: not found, it is in the package ${source}`);
    }
  }
  if (lines.length > 0) {
    throw new CommandError(lines.join("\n"));
  }
}

/** Whether a path is an executable file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
