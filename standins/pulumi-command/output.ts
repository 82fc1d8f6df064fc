/** Output of a command: collected for its resource, logged line by line, with secrets masked. */
import type { Readable } from "node:stream";
import type { Logging } from "./inputs.ts";

/** Time between SIGTERM and SIGKILL of a stopped command, milliseconds. */
export const GRACE_MS = 2000;
/** Length of the output in the error of a failed command, characters from the end. */
const REPORT_MAX = 16_384;
/** Shorter secrets are not masked, as they would mask parts of every line. */
const SECRET_MIN = 3;

export interface Output {
  stdout: string;
  stderr: string;
}

/** What is logged about a command while it runs, and reported when it fails. */
export interface Telling {
  command: string;
  /** Whether the text of the command itself may not be shown. */
  isCommandSecret: boolean;
  logging: Logging;
  /** Texts that must never be shown. */
  secrets: readonly string[];
  /** Called with lines that may be shown. */
  onLine: (line: string) => void;
}

/** Records one run of a command. */
export class Recorder {
  readonly #telling: Telling;
  readonly #hide: (text: string) => string;
  readonly #collected: Output = { stdout: "", stderr: "" };
  #combined = "";

  constructor(telling: Telling) {
    this.#telling = telling;
    this.#hide = createMask(telling.secrets);
  }

  /** Reads the stream to its end. */
  record(name: keyof Output, stream: Readable): void {
    const telling = this.#telling;
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      this.#collected[name] += chunk;
      this.#combined += chunk;
    });
    if (!isLogged(telling.logging, name)) {
      return;
    }
    forEachLine(stream, (line) => telling.onLine(this.#hide(line)));
  }

  /** The output, without one newline at the end of each stream. */
  toOutput(): Output {
    return { stdout: trimEnd(this.#collected.stdout), stderr: trimEnd(this.#collected.stderr) };
  }

  /** The error of a command that ended as `ending` says, e.g. `exit status 3`. */
  toFailure(ending: string): Error {
    const { command, isCommandSecret } = this.#telling;
    const shown = isCommandSecret ? "[secret]" : JSON.stringify(command);
    const output = this.#hide(this.#combined);
    const report = output.length > REPORT_MAX ? `...${output.slice(-REPORT_MAX)}` : output;
    return new Error(`${ending}: running ${shown}:\n${report}`.trimEnd());
  }
}

/** @throws Error with the reason when the command must be stopped */
export function throwIfStopped(signal: AbortSignal): void {
  if (!signal.aborted) {
    return;
  }
  const reason: unknown = signal.reason;
  if (reason instanceof DOMException && reason.name === "TimeoutError") {
    throw new Error("the command was stopped: it took longer than the resource's customTimeouts");
  }
  const cause = reason instanceof Error ? reason.message : String(reason);
  throw new Error(`the command was stopped: ${cause}`);
}

/** The previous output as variables of the next command; empty streams are left out. */
export function toPreviousOutput(previous: Output | undefined): Record<string, string> {
  const variables = {
    PULUMI_COMMAND_STDOUT: previous?.stdout ?? "",
    PULUMI_COMMAND_STDERR: previous?.stderr ?? "",
  };
  return Object.fromEntries(Object.entries(variables).filter(([, text]) => text !== ""));
}

function forEachLine(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  });
  stream.on("end", () => {
    if (rest !== "") {
      take(rest);
    }
  });
}

function isLogged(logging: Logging, stream: keyof Output): boolean {
  return logging === "stdoutAndStderr" || logging === stream;
}

/** Returns a function that replaces every line of the secrets by `[secret]`. */
function createMask(secrets: readonly string[]): (text: string) => string {
  const parts = secrets
    .flatMap((secret) => secret.split("\n"))
    .map((part) => part.trim())
    .filter((part) => part.length >= SECRET_MIN)
    .sort((a, b) => b.length - a.length);
  return (text) => parts.reduce((masked, part) => masked.replaceAll(part, "[secret]"), text);
}

function trimEnd(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}
