/** Runs a process for each call: the request body is its stdin, the response its stdout. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, statSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { toCanonicalName } from "../../contract/call-headers.ts";
import { type Call, CallError, type CallHandler, setDuration, splitTarget } from "./call.ts";
import { collect, sizeOf } from "./collect.ts";
import type { Mode } from "./config.ts";
import { logLines } from "./log-lines.ts";

export interface ProcessOptions {
  command: string;
  args: string[];
  mode: Mode;
  contentType: string;
  /** Largest output that is collected before it is sent, bytes. */
  maxOutputBytes: number;
  prefixLogs: boolean;
  /** Writes a line of a process' stderr. */
  log: (line: string) => void;
}

/**
 * Makes a call handler that starts the executable for each call. Throws an Error when there is no
 * such executable.
 *
 * Unlike of-watchdog's streaming mode, which responds with 200 even for a failure: the exit code
 * decides the status as long as there is no output; later a failure closes the connection.
 */
export function forkProcess(options: ProcessOptions): CallHandler {
  if (!isExecutable(options.command)) {
    throw new Error(`fprocess: expected an executable, got ${options.command}`);
  }
  return async (call) => {
    const child = start(call, options);
    logErrors(child.stderr, options);
    const failure = exitOf(child);
    if (options.mode === "serializing") {
      await sendWhole(call, child, { failure, options });
    } else {
      await sendStream(call, child.stdout, { failure, options });
    }
  };
}

interface Running {
  /** Why the process failed, or undefined; resolves when it has ended. */
  failure: Promise<CallError | undefined>;
  options: ProcessOptions;
}

type Child = ChildProcess & { stdin: NodeJS.WritableStream; stdout: Readable; stderr: Readable };

function start({ request, signal }: Call, { command, args }: ProcessOptions): Child {
  // A process group of its own, so that child processes of the function are killed with it.
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, ...toVariables(request) },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const kill = (): void => killGroup(child);
  signal.addEventListener("abort", kill, { once: true });
  child.once("close", () => signal.removeEventListener("abort", kill));
  // The process may exit without reading its input.
  child.stdin.on("error", () => request.unpipe(child.stdin).resume());
  request.pipe(child.stdin);
  return child;
}

/** Kills the process group. */
function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) {
      process.kill(-pid, "SIGKILL");
    }
  } catch {
    // It has already ended.
  }
}

/**
 * The `Http_*` variables of of-watchdog (openfaas-api §12): the path decoded, the query as it came.
 * There is no `Http_Proxy`: programs take `HTTP_PROXY`, in any case, for the proxy to go through.
 */
function toVariables(request: IncomingMessage): Record<string, string> {
  const { path, query } = splitTarget(request.url);
  const variables: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (name !== "proxy") {
      variables[`Http_${toCanonicalName(name).replaceAll("-", "_")}`] = values?.[0] ?? "";
    }
  }
  variables["Http_Method"] = request.method ?? "";
  variables["Http_Path"] = decodePath(path);
  if (query !== "") {
    variables["Http_Query"] = query;
  }
  return variables;
}

/** What is not escaped as it should be stays as it came. */
function decodePath(path: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return path;
  }
  if (decoded.includes("\0")) {
    throw new CallError(400, "path: expected no NUL, which no variable can hold, got one");
  }
  return decoded;
}

async function exitOf(child: Child): Promise<CallError | undefined> {
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    if (code === 0) {
      return undefined;
    }
    return new CallError(500, signal === null ? `exit status ${code}` : `signal: ${signal}`);
  } catch (error) {
    return new CallError(500, `failed to start: ${(error as Error).message}`, true);
  }
}

async function sendWhole(call: Call, child: Child, running: Running): Promise<void> {
  const { maxOutputBytes } = running.options;
  const pieces = await collect(child.stdout, maxOutputBytes);
  if (pieces === undefined) {
    killGroup(child);
    throw new CallError(500, `Output larger than ${maxOutputBytes} bytes (max_output_bytes)`);
  }
  const failure = await running.failure;
  if (failure !== undefined) {
    throw failure;
  }
  const { response } = call;
  if (!response.destroyed && !response.headersSent) {
    response.setHeader("Content-Length", sizeOf(pieces));
    begin(call, running.options);
    // One by one: joined, they would be in memory twice.
    pieces.forEach((piece) => response.write(piece));
    response.end();
  }
}

async function sendStream(call: Call, output: Readable, running: Running): Promise<void> {
  const { response } = call;
  for await (const chunk of output as AsyncIterable<Buffer>) {
    if (response.destroyed || response.writableEnded) {
      return;
    }
    if (!response.headersSent) {
      begin(call, running.options);
    }
    if (!response.write(chunk)) {
      await once(response, "drain", { signal: call.signal });
    }
  }
  const failure = await running.failure;
  if (failure !== undefined) {
    throw failure;
  }
  if (!response.headersSent) {
    begin(call, running.options);
  }
  response.end();
}

function begin(call: Call, { contentType }: ProcessOptions): void {
  call.response.setHeader("Content-Type", contentType);
  setDuration(call);
  call.response.writeHead(200);
}

function logErrors(stream: Readable, { prefixLogs, log }: ProcessOptions): void {
  logLines(stream, (line) =>
    log(prefixLogs ? `${new Date().toISOString()} stderr: ${line}` : line),
  );
}

function isExecutable(command: string): boolean {
  const folders = command.includes("/") ? [""] : (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => isExecutableFile(join(folder, command)));
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
