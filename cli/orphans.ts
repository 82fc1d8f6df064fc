/**
 * Programs and language hosts whose pulumi was killed. They keep waiting for the engine and use
 * more and more memory, so the next run ends them.
 */
import { basename } from "node:path";
import {
  ancestors,
  hasVariable,
  listProcesses,
  type RunningProcess,
  signalProcess,
} from "./processes.ts";

function isPart({ command }: RunningProcess): boolean {
  return (
    basename(command[0] ?? "") === "pulumi-language-nodejs" ||
    command.some((word) => word.includes("/@pulumi/pulumi/cmd/run"))
  );
}

/**
 * Ends the processes of killed runs on a backend.
 * @param backend as in `PULUMI_BACKEND_URL`.
 * @returns the number of ended processes; always 0 without procfs.
 */
export function endOrphans(backend: string): number {
  const processes = listProcesses();
  const hasEngine = (one: RunningProcess): boolean =>
    ancestors(one, processes).some(({ command }) => basename(command[0] ?? "") === "pulumi");
  const orphans = [...processes.values()].filter(
    (one) => isPart(one) && hasVariable(one.pid, "PULUMI_BACKEND_URL", backend) && !hasEngine(one),
  );
  for (const { pid } of orphans) {
    signalProcess(pid, "SIGKILL");
  }
  return orphans.length;
}
