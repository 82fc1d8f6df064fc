/** Runs a command on this machine, and stops its whole process group on abort. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { statSync } from "node:fs";
import type { LocalEnvironment } from "./inputs.ts";
import {
  GRACE_MS,
  type Output,
  Recorder,
  type Telling,
  throwIfStopped,
  toPreviousOutput,
} from "./output.ts";

export interface Run extends LocalEnvironment, Telling {
  secrets: string[];
  /** Output of the last command; it becomes `PULUMI_COMMAND_STDOUT` and `_STDERR`. */
  previous: Output | undefined;
  /** Stops the command and all processes that it has started. */
  signal: AbortSignal;
}

/**
 * Runs the command and returns its output, without one newline at the end of each stream.
 * @throws Error with the exit status and the command's output when it fails or is stopped
 */
export async function runCommand(run: Run): Promise<Output> {
  throwIfStopped(run.signal);
  const child = start(run);
  const recorder = new Recorder(run);
  recorder.record("stdout", child.stdout);
  recorder.record("stderr", child.stderr);
  const unlink = stopOnAbort(child, run.signal);
  const ending = await waitFor(child).finally(unlink);
  throwIfStopped(run.signal);
  if (ending !== undefined) {
    throw recorder.toFailure(ending);
  }
  return recorder.toOutput();
}

function start(run: Run): ChildProcessWithoutNullStreams {
  if (run.dir !== undefined && !statSync(run.dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`dir: expected a directory, got "${run.dir}"`);
  }
  const [program = "/bin/sh", ...args] = run.interpreter;
  const child = spawn(program, [...args, run.command], {
    cwd: run.dir,
    env: toEnvironment(run),
    stdio: ["pipe", "pipe", "pipe"],
    // A process group of its own, so that a stop also ends the command's child processes.
    detached: true,
  });
  // A command may close its standard input without reading it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(run.stdin ?? "");
  return child;
}

/** As in the official plugin, the previous output overrides a variable of the same name. */
function toEnvironment(run: Run): NodeJS.ProcessEnv {
  const previous = run.addPreviousOutputInEnv ? toPreviousOutput(run.previous) : {};
  return { ...process.env, ...run.environment, ...previous };
}

/** Resolves when the process has ended and its streams are closed; to the failure, if any. */
function waitFor(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      if (code === 0) {
        resolve(undefined);
      } else {
        resolve(code === null ? `signal: ${String(signal)}` : `exit status ${code}`);
      }
    });
  });
}

function stopOnAbort(child: ChildProcess, signal: AbortSignal): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    killGroup(child, "SIGTERM");
    timer = setTimeout(() => killGroup(child, "SIGKILL"), GRACE_MS);
  };
  signal.addEventListener("abort", stop, { once: true });
  return () => {
    signal.removeEventListener("abort", stop);
    clearTimeout(timer);
    // Ends what a stopped command has left in its group.
    if (signal.aborted) {
      killGroup(child, "SIGKILL");
    }
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) {
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
      throw error;
    }
  }
}
