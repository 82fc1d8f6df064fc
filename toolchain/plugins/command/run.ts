/** Runs one command to its end: streams its lines, hides secrets, stops the whole group. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { statSync } from "node:fs";
import type { Readable } from "node:stream";
import type { Logging, Surroundings } from "./inputs.ts";

/** How long a stopped command may clean up before it is killed, milliseconds. */
const GRACE_MS = 2000;
/** How much of a failed command's output its error carries, characters from the end. */
const REPORT_MAX = 16_384;
/** Shorter secrets are not hidden: they would make holes in every line. */
const SECRET_MIN = 3;

export interface Output {
  stdout: string;
  stderr: string;
}

export interface Run extends Surroundings {
  command: string;
  /** Whether the text of the command itself may not be shown. */
  isCommandSecret: boolean;
  /** Output of the last command; it becomes `PULUMI_COMMAND_STDOUT` and `_STDERR`. */
  previous: Output | undefined;
  /** The command is stopped, with all that it has started, when this aborts. */
  signal: AbortSignal;
  /** Takes a line that may be shown. */
  onLine(line: string): void;
}

/**
 * Runs the command and returns what it printed, less one newline at the end of each stream.
 * @throws Error with the exit status and the command's output when it fails or is stopped
 */
export async function runCommand(run: Run): Promise<Output> {
  const hide = createMask(run.secrets);
  throwIfStopped(run.signal);
  const child = start(run);
  const collected = { stdout: "", stderr: "", combined: "" };
  const collect = (stream: Readable, name: keyof Output): void => {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      collected[name] += chunk;
      collected.combined += chunk;
    });
    if (isLogged(run.logging, name)) forEachLine(stream, (line) => run.onLine(hide(line)));
  };
  collect(child.stdout, "stdout");
  collect(child.stderr, "stderr");
  const unlink = stopOnAbort(child, run.signal);
  const ending = await waitFor(child).finally(unlink);
  throwIfStopped(run.signal);
  if (ending !== undefined) {
    throw new Error(toFailureMessage(run, ending, hide(collected.combined)));
  }
  return { stdout: trimEnd(collected.stdout), stderr: trimEnd(collected.stderr) };
}

function start(run: Run): ChildProcessWithoutNullStreams {
  if (run.dir !== undefined && !statSync(run.dir, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`dir: must be a directory, got "${run.dir}"`);
  }
  const [program = "/bin/sh", ...args] = run.interpreter;
  const child = spawn(program, [...args, run.command], {
    cwd: run.dir,
    env: toEnvironment(run),
    stdio: ["pipe", "pipe", "pipe"],
    // A group of its own, so that stopping the command stops all that it has started.
    detached: true,
  });
  // A command that does not read its standard input closes it early, which is no failure.
  child.stdin.on("error", () => undefined);
  child.stdin.end(run.stdin ?? "");
  return child;
}

function toEnvironment(run: Run): NodeJS.ProcessEnv {
  const previous =
    run.previous && run.addPreviousOutputInEnv
      ? {
          PULUMI_COMMAND_STDOUT: run.previous.stdout,
          PULUMI_COMMAND_STDERR: run.previous.stderr,
        }
      : {};
  return { ...process.env, ...previous, ...run.environment };
}

/** Resolves when the process has ended and its streams are closed, with what was wrong. */
function waitFor(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(code === null ? `signal: ${String(signal)}` : `exit status ${code}`);
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
    // What a stopped command has left behind in its group goes too.
    if (signal.aborted) killGroup(child, "SIGKILL");
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function forEachLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  });
  stream.on("end", () => {
    if (rest !== "") take(rest);
  });
}

function isLogged(logging: Logging, stream: keyof Output): boolean {
  return logging === "stdoutAndStderr" || logging === stream;
}

/** A function that puts `[secret]` for every line of the secrets. */
function createMask(secrets: readonly string[]): (text: string) => string {
  const parts = secrets
    .flatMap((secret) => secret.split("\n"))
    .map((part) => part.trim())
    .filter((part) => part.length >= SECRET_MIN)
    .sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((masked, part) => masked.replaceAll(part, "[secret]"), text);
}

function toFailureMessage(run: Run, ending: string, output: string): string {
  const command = run.isCommandSecret ? "[secret]" : JSON.stringify(run.command);
  const report = output.length > REPORT_MAX ? `...${output.slice(-REPORT_MAX)}` : output;
  return `${ending}: running ${command}:\n${report}`.trimEnd();
}

function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new Error(toStopMessage(signal));
}

function toStopMessage(signal: AbortSignal): string {
  const reason: unknown = signal.reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    return "the command was stopped: it took longer than the resource's customTimeouts";
  }
  return `the command was stopped: ${reason instanceof Error ? reason.message : String(reason)}`;
}

function trimEnd(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}
