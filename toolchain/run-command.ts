/** Runs a program to its end, with its last lines in the error when it fails. */
import { spawn } from "node:child_process";

/** How much of the output an error quotes. */
const QUOTED_LINES = 15;
const QUOTED_CHARACTERS = 4000;
/** How long a program that was asked to stop may take before it is killed, milliseconds. */
const GRACE_MILLISECONDS = 5000;

export interface CommandOptions {
  cwd?: string | undefined;
  /** The whole environment. @default that of this process */
  env?: Record<string, string | undefined> | undefined;
  signal?: AbortSignal | undefined;
  /** Gets each line of standard error as it comes. */
  onErrorLine?: ((line: string) => void) | undefined;
}

/** A program that is missing, failed, or was ended by a signal. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** `undefined` where the program could not be started or was killed. */
  readonly exitCode: number | undefined;
  readonly isMissing: boolean;

  constructor(message: string, details: { exitCode?: number; isMissing?: boolean } = {}) {
    super(message);
    this.exitCode = details.exitCode;
    this.isMissing = details.isMissing ?? false;
  }
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

/**
 * Returns the standard output. On abort the program and its children get SIGTERM, then SIGKILL.
 * @throws CommandError with the last lines that the program wrote.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A group of its own, so that an abort reaches the compilers that `go` has started as well.
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    let errors = "";
    const onErrorLine = toLines((line) => options.onErrorLine?.(line));
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      errors += chunk;
      onErrorLine(chunk);
    });

    const stop = stopper(() => child.pid);
    options.signal?.addEventListener("abort", stop.start, { once: true });
    const finish = (error: Error | undefined): void => {
      stop.clear();
      options.signal?.removeEventListener("abort", stop.start);
      if (options.signal?.aborted === true) {
        reject(options.signal.reason as Error);
      } else if (error === undefined) {
        resolve(output);
      } else {
        reject(error);
      }
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === "ENOENT";
      const cause = isMissing ? "not found on PATH" : error.message;
      finish(new CommandError(`${command}: ${cause}`, { isMissing }));
    });
    child.once("close", (code, signal) => {
      if (code === 0) {
        finish(undefined);
        return;
      }
      const how =
        code === null ? `was ended by ${String(signal)}` : `failed with exit code ${code}`;
      const quoted = quoteEnd(errors.trim() === "" ? output : errors);
      const line = `${command} ${args.slice(0, 3).join(" ")}`.trimEnd();
      const details = code === null ? {} : { exitCode: code };
      finish(new CommandError(`${line}: ${how}${quoted === "" ? "" : `\n${quoted}`}`, details));
    });
  });
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
      // It has ended by itself in the meantime.
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
