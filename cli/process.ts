/** Shared by the commands: programs on the user's terminal, interruptible work, errors. */
import { spawn } from "node:child_process";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { exitCodeOf } from "../toolchain/run-command.ts";

/** Signals that stop a command: Ctrl-C, a supervisor, a closed terminal. */
const STOP_SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Whether an exit code means that the program was stopped by one of these signals. */
export function isStopped(code: number): boolean {
  return STOP_SIGNALS.some((signal) => exitCodeOf(signal) === code);
}

/** Prints a line for the user. */
export function say(line: string): void {
  process.stderr.write(`plonk: ${line}\n`);
}

/** An expected failure of a command: its message is printed without a stack trace. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Reads the options of a command line.
 *
 * @param toMessage the message of what is wrong, from Node's reason for it
 * @throws CommandError with that message
 */
export function readArguments<T extends ParseArgsConfig>(
  config: T,
  toMessage: (reason: string) => string,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Advice follows the reason, in further sentences or lines.
    const [reason = ""] = (error as Error).message.split(/\.?\s*\n|\. /);
    throw new CommandError(toMessage(reason));
  }
}

/**
 * Runs a program on this terminal and returns its exit code (128 + signal number when a signal
 * ended it). Ctrl-C is left to the program, so that it can shut down in order.
 */
export async function runOnTerminal(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<number> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: "inherit" });
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal sends Ctrl-C to the whole foreground group; forwarding it would send it twice.
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
 * Runs work that Ctrl-C stops in order: it aborts the signal that `work` gets, which ends the
 * programs that it has started.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const abort = (name: NodeJS.Signals): void => {
    stop.abort(new CommandError(`stopped by ${name}; run it again to continue`, exitCodeOf(name)));
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
