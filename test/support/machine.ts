/**
 * What a machine looks like from outside: processes, mounts, network and files, to compare two
 * moments.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export interface MachineState {
  /** Command lines of the processes that have to do with the folders asked about. */
  processes: string[];
  mounts: string[];
  namespaces: string[];
  links: string[];
  routes: string[];
  /** Names of the iptables tables in the machine's own network namespace. */
  tables: string[];
  cgroups: string[];
  /** All paths where programs keep their files, less caches and temporary folders. */
  files: string[];
}

const READING = { encoding: "utf8", maxBuffer: 512 * 1024 * 1024 } as const;

function lines(command: string, args: readonly string[]): string[] {
  return toLines(execFileSync(command, args, READING));
}

/** It complains about each folder that goes while it looks: other programs' come and go. */
function find(...args: string[]): string[] {
  const { error, stdout } = spawnSync("find", args, READING);
  if (error !== undefined) {
    throw error;
  }
  return toLines(stdout);
}

function toLines(output: string): string[] {
  return output.split("\n").filter(Boolean).sort();
}

export function listPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Its words, joined by spaces; empty for a kernel thread and for a process that has ended. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Whether a process has to do with one of the folders, by its words, environment or cgroup. */
export function isOf(folders: readonly string[], pid: number): boolean {
  return mentions(readTexts(pid), folders);
}

/** Other programs come and go on a machine; ours name one of the folders, or run in a pod. */
function isOurs(pid: number, folders: readonly string[]): boolean {
  const texts = readTexts(pid);
  return mentions(texts, folders) || /kubepods|\/k3s-/.test(texts[2] ?? "");
}

function mentions(texts: readonly string[], folders: readonly string[]): boolean {
  return texts.some((text) => folders.some((folder) => text.includes(folder)));
}

/** Words, environment and cgroups; nothing of a process that has ended in the meantime. */
function readTexts(pid: number): string[] {
  try {
    return ["cmdline", "environ", "cgroup"].map((name) =>
      readFileSync(`/proc/${pid}/${name}`, "utf8"),
    );
  } catch {
    return [];
  }
}

/** Where a program that is installed or that runs keeps its files. */
const PLACES = ["/etc", "/usr", "/var", "/run", "/opt", "/srv", "/mnt", homedir()];

function listFiles(excluded: readonly string[]): string[] {
  const always = ["/var/tmp", "/var/log", join(homedir(), ".npm")];
  const prune = [...always, ...excluded].flatMap((path) => ["-path", path, "-prune", "-o"]);
  return find(...PLACES.filter(existsSync), "-xdev", ...prune, "-print");
}

/**
 * Reads the machine's state.
 * @param excluded folders whose files do not count (caches, the state directory, the clone).
 * @param owners folders by whose name processes are told to be ours.
 */
export function readMachineState(
  excluded: readonly string[],
  owners: readonly string[],
): MachineState {
  const tables = "/proc/net/ip_tables_names";
  return {
    processes: listPids()
      .filter((pid) => pid !== process.pid && isOurs(pid, owners))
      .map(commandLine)
      .filter(Boolean)
      .sort(),
    mounts: readFileSync("/proc/self/mounts", "utf8").split("\n").filter(Boolean).sort(),
    namespaces: lines("ip", ["netns", "list"]),
    links: lines("ip", ["-o", "link"]).map((line) => line.split(": ")[1] ?? line),
    routes: lines("ip", ["route"]),
    tables: existsSync(tables) ? readFileSync(tables, "utf8").split("\n").filter(Boolean) : [],
    cgroups: find("/sys/fs/cgroup", "-maxdepth", "4", "-type", "d"),
    files: listFiles(excluded),
  };
}

/** What is in `after` and was not in `before`, by kind; empty kinds are left out. */
export function findLeftovers(before: MachineState, after: MachineState): Partial<MachineState> {
  const kinds = Object.keys(before) as (keyof MachineState)[];
  const entries = kinds.map((kind) => {
    const known = new Set(before[kind]);
    return [kind, after[kind].filter((item) => !known.has(item))] as const;
  });
  return Object.fromEntries(entries.filter(([, items]) => items.length > 0));
}
