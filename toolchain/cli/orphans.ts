/**
 * Programs and language hosts whose pulumi was killed. They notice nothing, keep waiting for an
 * engine that is gone and take more and more memory, so the next run ends them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";

interface Process {
  pid: number;
  parent: number;
  command: readonly string[];
}

/** Reads one process; undefined when it has ended or belongs to somebody else. */
function readProcess(pid: number): Process | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    // The name in parentheses may hold anything, so fields count from the last parenthesis.
    const status = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
    return { pid, parent: Number(status.split(" ")[1] ?? 0), command };
  } catch {
    return undefined;
  }
}

function isPart({ command }: Process): boolean {
  return (
    basename(command[0] ?? "") === "pulumi-language-nodejs" ||
    command.some((word) => word.includes("/@pulumi/pulumi/cmd/run"))
  );
}

function uses(pid: number, backend: string): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return environment.includes(`PULUMI_BACKEND_URL=${backend}`);
  } catch {
    return false;
  }
}

function hasEngine(process: Process, processes: ReadonlyMap<number, Process>): boolean {
  for (let at = processes.get(process.parent); at !== undefined; at = processes.get(at.parent)) {
    if (basename(at.command[0] ?? "") === "pulumi") return true;
  }
  return false;
}

/**
 * Ends the parts of killed runs on a backend.
 * @param backend as in `PULUMI_BACKEND_URL`.
 * @returns how many processes were ended; always 0 where there is no procfs.
 */
export function endOrphans(backend: string): number {
  let pids: number[];
  try {
    pids = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return 0;
  }
  const found = pids.map(readProcess).filter((process) => process !== undefined);
  const processes = new Map(found.map((process) => [process.pid, process]));
  const orphans = found.filter(
    (process) => isPart(process) && uses(process.pid, backend) && !hasEngine(process, processes),
  );
  for (const { pid } of orphans) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself in the meantime.
    }
  }
  return orphans.length;
}
