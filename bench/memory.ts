/**
 * The memory table: proportional set sizes by process of a cluster, its platform and its functions.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isOf } from "../test/support/machine.ts";

/** The used fields of a pod. */
export interface Pod {
  namespace: string;
  name: string;
  /** Set on a terminating pod. */
  deletionTimestamp?: string;
}

export interface MemoryRow {
  /** `cluster`, or the pod's namespace. */
  group: string;
  name: string;
  pssMiB: number;
}

interface Process {
  commandLine: string;
  cgroup: string;
  pssMiB: number;
}

/** Reads one process; undefined when it is a kernel thread or has ended. */
function readProcess(pid: string): Process | undefined {
  try {
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const kibibytes = /^Pss:\s+(\d+) kB/m.exec(rollup)?.[1];
    const cgroup = readFileSync(`/proc/${pid}/cgroup`, "utf8");
    return { commandLine, cgroup, pssMiB: Number(kibibytes ?? 0) / 1024 };
  } catch {
    return undefined;
  }
}

/** The pod of a cgroup path such as `…/kubepods/burstable/pod<uid>/…`. */
function findPod(cgroup: string, pods: ReadonlyMap<string, Pod>): Pod | undefined {
  const uid = /pod([0-9a-f_-]{36})/.exec(cgroup)?.[1]?.replaceAll("_", "-");
  return uid === undefined ? undefined : pods.get(uid);
}

/**
 * Adds up PSS (proc(5), smaps_rollup) of the cluster below `dataDir` and of its pods.
 * @param pods by UID, as `kubectl get pods` has them.
 */
export function readMemory(dataDir: string, pods: ReadonlyMap<string, Pod>): MemoryRow[] {
  const rows: MemoryRow[] = [];
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const process = readProcess(pid);
    if (process === undefined) {
      continue;
    }
    const pod = findPod(process.cgroup, pods);
    const words = process.commandLine.split(" ").map((word) => word.replace(/^.*\//, ""));
    if (pod !== undefined) {
      rows.push({
        group: pod.namespace,
        name: `${pod.name}: ${words[0] ?? ""}`,
        pssMiB: process.pssMiB,
      });
    } else if (isOf([dataDir], Number(pid))) {
      // Not only by arguments: containerd has the folder in its environment.
      rows.push({ group: "cluster", name: words.slice(0, 2).join(" "), pssMiB: process.pssMiB });
    }
  }
  return rows.sort((a, b) => a.group.localeCompare(b.group) || b.pssMiB - a.pssMiB);
}
