/**
 * Starts other programs for the command line: with the terminal handed over, or with their output
 * captured.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { text } from "node:stream/consumers";

/** What asks a command to stop: Ctrl-C, a supervisor, a closed terminal. */
const STOP_SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Exit code of a program that a signal has ended, as shells have it. */
export function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Whether an exit code says that somebody told the program to end. */
export function isStopped(code: number): boolean {
  return STOP_SIGNALS.some((signal) => exitCodeOf(signal) === code);
}

export interface ProgramOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Text for its standard input. */
  input?: string;
}

export interface Captured {
  code: number;
  stdout: string;
  stderr: string;
}

/** A line for the person, beside the output of the programs that run. */
export function say(line: string): void {
  process.stderr.write(`plonk: ${line}\n`);
}

/** An end of a command that says all there is to say in one line; no stack is printed for it. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a program on this terminal and returns its exit code (128 + signal number when a signal
 * ended it). Ctrl-C is left to the program, so that it can end its work in order.
 */
export async function runOnTerminal(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<number> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends Ctrl-C to the whole foreground group; passing it on would make it two.
    if (signal !== "SIGINT" || !process.stdin.isTTY) {
      child.kill(signal);
    }
  };
  for (const signal of STOP_SIGNALS) {
    process.on(signal, forward);
  }
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", (error) => reject(new CommandError(`${command}: ${error.message}`)));
      child.on("exit", (code, signal) => resolve(code ?? exitCodeOf(signal ?? "SIGTERM")));
    });
  } finally {
    for (const signal of STOP_SIGNALS) {
      process.off(signal, forward);
    }
  }
}

/**
 * Does work that Ctrl-C ends in order: the signal that `work` gets is aborted, so that the programs
 * which it has started end with it.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const abort = (name: NodeJS.Signals): void => {
    stop.abort(new CommandError(`stopped by ${name}; run it again to go on`, exitCodeOf(name)));
  };
  for (const signal of STOP_SIGNALS) {
    process.on(signal, abort);
  }
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of STOP_SIGNALS) {
      process.off(signal, abort);
    }
  }
}

/** Runs a program to its end and returns its exit code and output; never throws for a bad exit. */
export async function capture(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Captured> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: "pipe" });
  child.stdin.on("error", () => undefined); // a program may end without reading its input
  child.stdin.end(options.input ?? "");
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (error) => reject(new CommandError(`${command}: ${error.message}`)));
    child.on("close", (code, signal) => resolve(code ?? exitCodeOf(signal ?? "SIGTERM")));
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** Like `capture`, but a bad exit is a CommandError with the program's last lines. */
export async function captureOrFail(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const result = await capture(command, args, options);
  if (result.code === 0) {
    return result.stdout;
  }
  const lastLines = (result.stderr || result.stdout).trim().split("\n").slice(-8).join("\n");
  throw new CommandError(
    `${command} ${args.slice(0, 3).join(" ")}: exit ${result.code}\n${lastLines}`,
  );
}
