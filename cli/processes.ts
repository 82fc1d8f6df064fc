/** The processes of this machine, from procfs; none without procfs. */
import { readdirSync, readFileSync } from "node:fs";

export interface RunningProcess {
  pid: number;
  parent: number;
  command: readonly string[];
}

/** Reads a process; undefined when it has ended, is a zombie or belongs to another user. */
function readProcess(pid: number): RunningProcess | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    // The name in parentheses may contain anything, so fields are counted from the last one.
    const status = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
    const [state, parent] = status.split(" ");
    return state === "Z" ? undefined : { pid, parent: Number(parent ?? 0), command };
  } catch {
    return undefined;
  }
}

/** All running processes by pid. */
export function listProcesses(): ReadonlyMap<number, RunningProcess> {
  let pids: number[];
  try {
    pids = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return new Map();
  }
  const found = pids.map(readProcess).filter((process) => process !== undefined);
  return new Map(found.map((process) => [process.pid, process]));
}

/** Whether a process was started with this environment variable. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${name}=${value}`);
  } catch {
    return false;
  }
}

/** The ancestors of a process, its parent first. */
export function ancestors(
  one: RunningProcess,
  processes: ReadonlyMap<number, RunningProcess>,
): RunningProcess[] {
  const found: RunningProcess[] = [];
  for (let at = processes.get(one.parent); at !== undefined; at = processes.get(at.parent)) {
    found.push(at);
  }
  return found;
}

/** Sends a signal to a process, which may have ended already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has already ended.
  }
}
