/** Runs the watchdog as the process that it is, for tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../../support/network.ts";
import { runMark } from "../../support/run-mark.ts";
import { until } from "../../support/until.ts";

const MAIN = join(import.meta.dirname, "../../../services/watchdog/main.ts");

/** A watchdog that listens, or that has ended. */
export interface RunningWatchdog {
  url: string;
  metricsUrl: string;
  process: ChildProcess;
  /** All that it wrote so far. */
  stdout: () => string;
  stderr: () => string;
  /** Its exit code; null after a signal. */
  exit: Promise<number | null>;
}

const started: ChildProcess[] = [];
const folders: string[] = [];

/** Writes a module of a function to a folder of its own and returns its path. */
export async function writeModule(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "plonk-watchdog-"));
  folders.push(folder);
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/**
 * Starts a watchdog and waits until it listens or ends.
 *
 * @param isThere for one that does neither: whether it has come far enough, by its output
 */
export async function startWatchdog(
  env: Record<string, string>,
  isThere: (stdout: string) => boolean = () => false,
): Promise<RunningWatchdog> {
  const [port, metricsPort] = [await findFreePort(), await findFreePort()];
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...runMark(),
      PATH: process.env["PATH"] ?? "",
      port: String(port),
      metrics_port: String(metricsPort),
      healthcheck_interval: "0s",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  const exit = once(child, "close").then(([code]) => code as number | null);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const hasBegun = (): boolean =>
    output.stderr.includes("watchdog: listening") || hasEnded() || isThere(output.stdout);
  await waitFor("a watchdog that listens", hasBegun);
  return {
    url: `http://127.0.0.1:${port}`,
    metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
    process: child,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    exit,
  };
}

/** Waits for what a watchdog does; throws after twenty seconds. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  await until(what, condition);
}

/** Whether a process exists and is more than a zombie that nobody has waited for. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Ends what was started and removes what was written. */
export async function cleanUp(): Promise<void> {
  for (const child of started.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  }
  await Promise.all(folders.splice(0).map((path) => rm(path, { recursive: true })));
}
