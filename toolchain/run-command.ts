/** Runs a program to its end and captures its output. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** How much of the output an error quotes. */
const QUOTED_LINES = 15;
const QUOTED_CHARACTERS = 4000;
/** Time between SIGTERM and SIGKILL, milliseconds. */
const GRACE_MILLISECONDS = 5000;

export interface CommandOptions {
  cwd?: string | undefined;
  /** The whole environment. @default `process.env` */
  env?: Record<string, string | undefined> | undefined;
  /** Text for its standard input. @default none */
  input?: string | undefined;
  /** On abort the program's process group gets SIGTERM, then SIGKILL. */
  signal?: AbortSignal | undefined;
  /** Gets each line of standard error as it comes. */
  onErrorLine?: ((line: string) => void) | undefined;
}

export interface Captured {
  /** Exit code; 128 + signal number when a signal ended the program, as in shells. */
  code: number;
  /** The signal that ended the program, if one did. */
  endedBy?: NodeJS.Signals;
  stdout: string;
  stderr: string;
}

/** A program that is missing or failed. */
export class ProgramError extends Error {
  override readonly name = "ProgramError";
  readonly isMissing: boolean;

  constructor(message: string, details: { isMissing?: boolean } = {}) {
    super(message);
    this.isMissing = details.isMissing ?? false;
  }
}

/** Exit code of a program that a signal ended, as in shells. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/**
 * Runs a program to its end; any exit code is a result.
 * @throws ProgramError when it cannot be started, and the signal's reason on abort
 */
export function capture(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Captured> {
  const { signal } = options;
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: "pipe",
      // A process group of its own, so that an abort also reaches the compilers that `go` starts.
      // Without a signal, Ctrl-C reaches the program through the terminal's group.
      detached: signal !== undefined,
    });
    child.stdin.on("error", () => undefined); // the program may exit without reading its input
    child.stdin.end(options.input ?? "");
    const captured: Captured = { code: 0, stdout: "", stderr: "" };
    const onErrorLine = toLines((line) => options.onErrorLine?.(line));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (captured.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      captured.stderr += chunk;
      onErrorLine(chunk);
    });
    const stop = stopper(() => child.pid);
    signal?.addEventListener("abort", stop.start, { once: true });
    const finish = (error?: Error): void => {
      stop.clear();
      signal?.removeEventListener("abort", stop.start);
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
      } else if (error === undefined) {
        resolve(captured);
      } else {
        reject(error);
      }
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === "ENOENT";
      const cause = isMissing ? "not found on PATH" : error.message;
      finish(new ProgramError(`${command}: ${cause}`, { isMissing }));
    });
    child.once("close", (code, ending) => {
      if (ending !== null) {
        captured.endedBy = ending;
      }
      captured.code = code ?? exitCodeOf(ending ?? "SIGTERM");
      finish();
    });
  });
}

/**
 * Returns the standard output of a successful program.
 * @throws ProgramError with the last lines that the program wrote
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, endedBy, stdout, stderr } = await capture(command, args, options);
  if (code === 0) {
    return stdout;
  }
  const quoted = quoteEnd(stderr.trim() === "" ? stdout : stderr);
  const line = `${command} ${args.slice(0, 3).join(" ")}`.trimEnd();
  const how = endedBy === undefined ? `failed with exit code ${code}` : `was ended by ${endedBy}`;
  throw new ProgramError(`${line}: ${how}${quoted === "" ? "" : `\n${quoted}`}`);
}

function quoteEnd(text: string): string {
  const lines = text.trimEnd().slice(-QUOTED_CHARACTERS).split("\n").slice(-QUOTED_LINES);
  return lines.map((line) => `  ${line}`).join("\n");
}

function toLines(onLine: (line: string) => void): (chunk: string) => void {
  let rest = "";
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  };
}

function stopper(pid: () => number | undefined): { start: () => void; clear: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const kill = (signal: NodeJS.Signals): void => {
    const group = pid();
    if (group === undefined) {
      return;
    }
    try {
      process.kill(-group, signal);
    } catch {
      // It has already exited.
    }
  };
  return {
    start: () => {
      kill("SIGTERM");
      timer = setTimeout(() => kill("SIGKILL"), GRACE_MILLISECONDS);
    },
    clear: () => clearTimeout(timer),
  };
}
