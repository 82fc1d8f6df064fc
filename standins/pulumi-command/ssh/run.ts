/** Runs one command on a host over SSH to its end. */
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
    /** Starts SFTP with a variable in its environment; an error when the server refuses that. */
    sftp(
      env: Record<string, string>,
      callback: (error: Error | undefined, sftp: SFTPWrapper) => void,
    ): this;
  }
}

/** Linux takes no longer text for one variable, its name included (MAX_ARG_STRLEN). */
const VARIABLE_BYTES_MAX = 128 * 1024 - 1;

export interface RemoteRun extends CommandEnvironment, Telling {
  secrets: string[];
  connection: Connection;
  /** Output of the last command; it becomes `PULUMI_COMMAND_STDOUT` and `_STDERR`. */
  previous: Output | undefined;
  /** The command is stopped, with all that it has started, when this aborts. */
  signal: AbortSignal;
  /** Takes a message that the person should read. */
  onWarning: (message: string) => void;
}

/**
 * Runs the command in the user's login shell and returns what it printed, less one newline at the
 * end of each stream.
 * @throws Error when the host cannot be reached, and when the command fails or is stopped
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

/** What comes before the command; an abort just hangs up. */
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

/** A refused variable of the user's is an error, a refused one of the last output a warning. */
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
 * Whether the server takes a variable of this name. ssh2 asks for no answer when it sets those of a
 * command, but does when it sets one for SFTP; the server decides by the name alone.
 */
function isAccepted(client: Client, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    client.sftp({ [name]: "" }, (error, sftp) => {
      if (error) {
        // A server without SFTP says so after it has taken the variable.
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
  // A command that does not read its standard input closes it early, which is no failure.
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
      // Here and not after an await: a short command's status may come in the very same packet.
      else {
        resolve({ channel, isEnded: waitFor(login, channel) });
      }
    });
  });
}

/** Resolves when the command has ended and its streams are closed, with what was wrong. */
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

/** Stops the command when the signal aborts. What it returns waits for such a stop. */
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
