/** Runs a command on a host over SSH. */
import type { Client, ClientChannel } from "ssh2";
import type { Connection } from "../connection.ts";
import type { CommandEnvironment } from "../inputs.ts";
import {
  type Output,
  Recorder,
  type Telling,
  throwIfStopped,
  toPreviousOutput,
} from "../output.ts";
import { dial } from "./dial.ts";
import { type Login, whileConnected } from "./login.ts";
import { stopCommand } from "./stop.ts";

declare module "ssh2" {
  interface Client {
    /** Starts SFTP with an environment variable; fails when the server refuses the variable. */
    sftp(
      env: Record<string, string>,
      callback: (error: Error | undefined, sftp: SFTPWrapper) => void,
    ): this;
  }
}

/** Linux' limit for a variable, including its name (MAX_ARG_STRLEN). */
const VARIABLE_BYTES_MAX = 128 * 1024 - 1;

export interface RemoteRun extends CommandEnvironment, Telling {
  secrets: string[];
  connection: Connection;
  /** Output of the last command; it becomes `PULUMI_COMMAND_STDOUT` and `_STDERR`. */
  previous: Output | undefined;
  /** Stops the command and all processes that it has started. */
  signal: AbortSignal;
  /** Called with warnings for the user. */
  onWarning: (message: string) => void;
}

/**
 * Runs the command in the user's login shell and returns its output, without one newline at the end
 * of each stream.
 * @throws Error when the host is unreachable, and when the command fails or is stopped
 */
export async function runRemoteCommand(run: RemoteRun): Promise<Output> {
  const login = await dial(run.connection, run);
  try {
    const env = await prepare(login, run);
    return await execute(login, run, env);
  } finally {
    login.close();
  }
}

/** The steps before the command; an abort closes the connection. */
async function prepare(login: Login, run: RemoteRun): Promise<Record<string, string>> {
  const giveUp = (): void => void login.client.destroy();
  run.signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await whileConnected(login, chooseEnvironment(login.client, run));
  } catch (error) {
    throwIfStopped(run.signal);
    throw error;
  } finally {
    run.signal.removeEventListener("abort", giveUp);
  }
}

/** A refused variable of the user is an error; one with the previous output is a warning. */
async function chooseEnvironment(client: Client, run: RemoteRun): Promise<Record<string, string>> {
  const chosen: Record<string, string> = {};
  for (const [name, text] of Object.entries(run.environment)) {
    const complaint = await findComplaint(client, name, text);
    if (complaint !== undefined) {
      throw new Error(`environment.${name}: ${complaint}`);
    }
    chosen[name] = text;
  }
  const previous = run.addPreviousOutputInEnv ? toPreviousOutput(run.previous) : {};
  for (const [name, text] of Object.entries(previous)) {
    const complaint = await findComplaint(client, name, text);
    if (complaint === undefined) {
      chosen[name] = text;
    } else {
      run.onWarning(`${name} is not set for the command: ${complaint}`);
    }
  }
  return chosen;
}

async function findComplaint(
  client: Client,
  name: string,
  text: string,
): Promise<string | undefined> {
  const bytes = Buffer.byteLength(`${name}=${text}`);
  if (bytes > VARIABLE_BYTES_MAX) {
    return `expected at most ${VARIABLE_BYTES_MAX} bytes with its name, got ${bytes}`;
  }
  if (await isAccepted(client, name)) {
    return undefined;
  }
  return `expected AcceptEnv of the SSH server to allow it, got a refusal; a shell takes it before the command, too: ${name}=value command`;
}

/**
 * Whether the server accepts a variable of this name. ssh2 requests a reply only for variables of
 * SFTP, not of commands; the server decides by the name only.
 */
function isAccepted(client: Client, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.sftp({ [name]: "" }, (error, sftp) => {
      if (error) {
        // A server without SFTP fails only after it has accepted the variable.
        resolve(error.message !== "Unable to set environment");
        return;
      }
      sftp.once("close", () => resolve(true));
      sftp.end();
    });
  });
}

async function execute(login: Login, run: RemoteRun, env: Record<string, string>): Promise<Output> {
  throwIfStopped(run.signal);
  const { channel, isEnded } = await whileConnected(login, open(login, run.command, env));
  const recorder = new Recorder(run);
  recorder.record("stdout", channel);
  recorder.record("stderr", channel.stderr);
  const stopping = stopOnAbort(login, channel, run.signal);
  // A command may close its standard input without reading it.
  channel.on("error", () => undefined);
  channel.end(run.stdin ?? "");
  const ending = await isEnded;
  await stopping();
  throwIfStopped(run.signal);
  if (ending !== undefined) {
    throw recorder.toFailure(ending);
  }
  return recorder.toOutput();
}

interface Started {
  channel: ClientChannel;
  isEnded: Promise<string | undefined>;
}

function open(login: Login, command: string, env: Record<string, string>): Promise<Started> {
  return new Promise((resolve, reject) => {
    login.client.exec(command, { env }, (error, channel) => {
      if (error) {
        reject(error);
      }
      // Not after an await: the status of a short command may arrive in the same packet.
      else {
        resolve({ channel, isEnded: waitFor(login, channel) });
      }
    });
  });
}

/** Resolves when the command has ended and its streams are closed; to the failure, if any. */
function waitFor(login: Login, channel: ClientChannel): Promise<string | undefined> {
  return new Promise((resolve) => {
    const lost = "Process exited without a status, or the connection was lost";
    let ending: string | undefined = lost;
    channel.once("exit", (code: number | null, signal?: string) => {
      if (code === 0) {
        ending = undefined;
      } else {
        ending = `Process exited ${code === null ? `from ${signal}` : `with status ${code}`}`;
      }
    });
    channel.once("close", () => resolve(ending));
    void login.ended.then(() => resolve(lost));
  });
}

/** Stops the command when the signal aborts. The returned function waits for the stop. */
function stopOnAbort(
  login: Login,
  channel: ClientChannel,
  signal: AbortSignal,
): () => Promise<void> {
  let stopped = Promise.resolve();
  const stop = (): void => {
    stopped = stopCommand(login, channel);
  };
  if (signal.aborted) {
    stop();
  } else {
    signal.addEventListener("abort", stop, { once: true });
  }
  return () => {
    signal.removeEventListener("abort", stop);
    return stopped;
  };
}
