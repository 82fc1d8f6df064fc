/** The processes of this machine, by what procfs tells of them; none where there is no procfs. */
import { readdirSync, readFileSync } from "node:fs";

export interface RunningProcess {
  pid: number;
  parent: number;
  command: readonly string[];
}

/** Reads one process; undefined when it has ended, is a zombie or belongs to somebody else. */
function readProcess(pid: number): RunningProcess | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    // The name in parentheses may hold anything, so fields count from the last parenthesis.
    const status = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "";
    const [state, parent] = status.split(" ");
    return state === "Z" ? undefined : { pid, parent: Number(parent ?? 0), command };
  } catch {
    return undefined;
  }
}

/** All that run, by their ids. */
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

/** Whether a process was started with that variable in its environment. */
export function hasVariable(pid: number, name: string, value: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`${name}=${value}`);
  } catch {
    return false;
  }
}

/** The processes above one, its parent first. */
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

/** Sends a signal to a process that may have ended in the meantime. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
