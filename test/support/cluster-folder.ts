/**
 * Temporary folders with clusters in them. A run that is killed cannot tidy up, and names and
 * subnets of the tests' clusters are always the same, so the next run removes what it finds of a
 * dead one.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes a folder whose name says which process it belongs to. */
export function makeClusterFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `plonk-${name}-${process.pid}-`));
}

/** A cluster of a run that is over, told by its link: its alias is the cluster's directory. */
export interface Abandoned {
  link: string;
  directory: string;
  /** The temporary folder in which the directory lies. */
  folder: string;
}

/**
 * Clusters whose run is over.
 * @param links what `ip -o link` prints
 */
export function findAbandoned(links: string, isRunning = isTestRun): Abandoned[] {
  const start = join(tmpdir(), "plonk-");
  return links.split("\n").flatMap((line) => {
    const link = /^\d+: ([^:@]+)/.exec(line)?.[1];
    const directory = toAlias(line);
    if (link === undefined || directory?.startsWith(start) !== true) {
      return [];
    }
    const [name = ""] = directory.slice(start.length).split("/");
    const pid = /^[a-z0-9]+-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isRunning(Number(pid))) {
      return [];
    }
    return [{ link, directory, folder: `${start}${name}` }];
  });
}

/** Removes them by their own script; of one whose folder somebody has deleted, only its network. */
export function removeAbandoned(): void {
  for (const abandoned of findAbandoned(listLinks())) {
    runRemoval(abandoned);
    spawnSync("ip", ["link", "del", abandoned.link], { stdio: "ignore" });
    rmSync(abandoned.folder, { recursive: true, force: true });
  }
  // A namespace's loopback has the same alias. It alone is left of a cluster without a folder, and
  // of one whose host was a namespace, too.
  for (const name of listNamespaces()) {
    for (const abandoned of findAbandoned(showLoopback(name))) {
      runRemoval(abandoned);
      spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
      rmSync(abandoned.folder, { recursive: true, force: true });
    }
  }
}

function runRemoval({ directory }: Abandoned): void {
  console.log(`removing what a killed run left: ${directory}`);
  const script = join(directory, "cluster.sh");
  if (existsSync(script)) {
    spawnSync("sh", [script, "remove"], { stdio: "inherit" });
  }
}

function listLinks(): string {
  try {
    return execFileSync("ip", ["-o", "link"], { encoding: "utf8" });
  } catch {
    return ""; // without `ip` on the machine there never was a cluster
  }
}

function listNamespaces(): string[] {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8" });
  const names =
    (stdout as string | null)?.split("\n").map((line) => line.split(" ")[0] ?? "") ?? [];
  return names.filter((name) => name !== "");
}

/** The line of `ip -o link` about a namespace's loopback. */
function showLoopback(namespace: string): string {
  const show = ["-n", namespace, "-o", "link", "show", "dev", "lo"];
  return spawnSync("ip", show, { encoding: "utf8" }).stdout;
}

/** The alias in a line of `ip -o link`. */
function toAlias(line: string): string | undefined {
  return /\\ *alias (\S+)/.exec(line)?.[1];
}

/** Process ids are used again, mostly by something else. */
function isTestRun(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("jest");
  } catch {
    return false;
  }
}
