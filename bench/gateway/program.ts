/** Programs that a benchmark starts on a core of their own and always stops again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Longest time until a program listens, milliseconds. */
const START_MS = 15_000;

/** Time between SIGTERM and SIGKILL, milliseconds. */
const GRACE_MS = 10_000;

/** How much of a program's error output its failure quotes. */
const QUOTED_CHARACTERS = 2_000;

export interface ProgramOptions {
  /** For messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** Added to this process's environment. */
  env?: Record<string, string>;
  /** The only processor that it may use. @default any */
  core?: number | undefined;
  /** Where it will listen on 127.0.0.1. */
  port: number;
}

export interface Program {
  pid: number;
  port: number;
  /** Terminates it, and kills it if it does not end in time. */
  stop(): Promise<void>;
}

/** The command line that keeps a program on one core. */
export function pin(
  core: number | undefined,
  command: string,
  args: readonly string[],
): [command: string, args: string[]] {
  return core === undefined
    ? [command, [...args]]
    : ["taskset", ["--cpu-list", String(core), command, ...args]];
}

/**
 * Starts a server and waits until it listens.
 * @throws with the end of its error output when it ends or stays silent.
 */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const { name, port, core, env } = options;
  const child = spawn(...pin(core, options.command, options.args), {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-QUOTED_CHARACTERS);
  });
  child.on("error", (error) => {
    errors = error.message;
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  const stop = (): Promise<void> => stopChild(child);
  const deadline = Date.now() + START_MS;
  while (!(await isListening(port))) {
    if (hasEnded(child) || child.pid === undefined || Date.now() > deadline) {
      await stop();
      // It may have ended before all that it wrote is here.
      await closed;
      throw new Error(`${name}: expected to listen on port ${port}, got: ${errors.trim()}`);
    }
    await sleep(20);
  }
  return { pid: child.pid ?? 0, port, stop };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || hasEnded(child)) {
    return;
  }
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await ended;
  clearTimeout(timer);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
