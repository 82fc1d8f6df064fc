/** The watchdog's configuration: of-watchdog's environment names, read once at start. */
import { totalmem } from "node:os";
import { parseDuration } from "../../contract/duration.ts";
import {
  WATCHDOG_DEFAULTS,
  WATCHDOG_ENV,
  type WatchdogVariable,
} from "../../contract/environment/watchdog.ts";
import { stopMs } from "../../contract/timeouts.ts";
import { MAX_TIMER_MS } from "../lib/timer.ts";

/** How the output of a process becomes a response (of-watchdog's `mode`). */
const MODES = ["streaming", "serializing"] as const;
export type Mode = (typeof MODES)[number];

/** The function: a JavaScript module, or an executable that is started for each call. */
type FunctionSource =
  | { kind: "module"; path: string }
  | { kind: "process"; command: string; args: string[]; mode: Mode };

export interface WatchdogConfig {
  /** TCP port of the function; 0 takes a free one. @default 8080 */
  port: number;
  /** TCP port of `/metrics`. @default 8081 */
  metricsPort: number;
  /** Time to receive a whole request, 0 for no limit. @default 30 s */
  readTimeoutMs: number;
  /** Longest wait for calls in flight at shut-down, `write_timeout`. @default 30 s */
  stopTimeoutMs: number;
  /** Longest run of a call, 0 for no limit. @default 30 s */
  execTimeoutMs: number;
  /** How long calls are still served after SIGTERM, while routes vanish. @default 2 s */
  shutdownDelayMs: number;
  /** Calls at the same time, 0 for no limit. @default 0 */
  maxInflight: number;
  /** Largest request body that is buffered for an event, bytes. @default 10 MiB */
  maxBodyBytes: number;
  /**
   * Largest output of a process that is collected before it is sent, bytes. @default half of the
   * pod's memory
   */
  maxOutputBytes: number;
  /** Content type of a process' output. @default application/octet-stream */
  contentType: string;
  /** Puts the time and the stream's name before each line that a process logs. @default true */
  prefixLogs: boolean;
  /** Hands `event.body` over as a Buffer, unparsed. @default false */
  rawBody: boolean;
  source: FunctionSource;
}

type Environment = Record<string, string | undefined>;

/** What the pod may take, or the machine has. */
function findMemory(): number {
  return Math.min(process.constrainedMemory() || Infinity, totalmem());
}

/**
 * Reads the configuration. Throws an Error that names the variable at fault.
 *
 * @param memoryBytes of which a share may be set
 */
export function readConfig(env: Environment, memoryBytes = findMemory()): WatchdogConfig {
  const execTimeoutMs = readDuration(env, "exec_timeout");
  return {
    port: readInteger(env, "port"),
    metricsPort: readInteger(env, "metrics_port"),
    readTimeoutMs: readDuration(env, "read_timeout"),
    stopTimeoutMs: stopMs(readDuration(env, "write_timeout"), execTimeoutMs),
    execTimeoutMs,
    shutdownDelayMs: readDuration(env, "healthcheck_interval"),
    maxInflight: readInteger(env, "max_inflight"),
    maxBodyBytes: readInteger(env, "max_body_bytes"),
    maxOutputBytes: readBytes(env, "max_output_bytes", memoryBytes),
    contentType: readDefault(env, "content_type"),
    prefixLogs: readDefault(env, "prefix_logs") !== "false",
    rawBody: readDefault(env, "RAW_BODY") === "true",
    source: readSource(env),
  };
}

function readSource(env: Environment): FunctionSource {
  const path = readString(env, WATCHDOG_ENV.module);
  const process =
    readString(env, WATCHDOG_ENV.process) ?? readString(env, WATCHDOG_ENV.processBefore);
  if (path !== undefined && process !== undefined) {
    throw new Error(
      `${WATCHDOG_ENV.module}: expected either this or fprocess, got ${path} and ${process}`,
    );
  }
  if (path !== undefined) {
    return { kind: "module", path };
  }
  // As in of-watchdog: words are separated by spaces, without quoting.
  const [command, ...args] = (process ?? "").split(/\s+/).filter((word) => word !== "");
  if (command === undefined) {
    throw new Error(`${WATCHDOG_ENV.module}: expected a module's path, or fprocess, got neither`);
  }
  return { kind: "process", command, args, mode: readMode(env) };
}

function readMode(env: Environment): Mode {
  const text = readDefault(env, "mode");
  const mode = MODES.find((known) => known === text);
  if (mode === undefined) {
    throw new Error(`mode: expected ${MODES.join(" or ")}, got ${text}`);
  }
  return mode;
}

type Defaulted = keyof typeof WATCHDOG_DEFAULTS;

/** Whole milliseconds that a timer can count, which is what Node's servers take. */
function readDuration(env: Environment, name: Defaulted): number {
  const text = readDefault(env, name);
  try {
    return Math.min(Math.ceil(parseDuration(text)), MAX_TIMER_MS);
  } catch {
    throw new Error(`${name}: expected a duration such as 30s or 1m30s, got ${text}`);
  }
}

function readInteger(env: Environment, name: Defaulted): number {
  const text = readDefault(env, name);
  if (!/^\d{1,15}$/.test(text)) {
    throw new Error(`${name}: expected a whole number, got ${text}`);
  }
  return Number(text);
}

/** A number of bytes; a share, such as 50%, is one of `whole`. */
function readBytes(env: Environment, name: Defaulted, whole: number): number {
  const text = readDefault(env, name);
  const [, percent, bytes] = /^(?:([1-9]\d?|100)%|(\d{1,15}))$/.exec(text) ?? [];
  if (percent === undefined && bytes === undefined) {
    throw new Error(`${name}: expected bytes, or a share such as 50%, got ${text}`);
  }
  return percent === undefined ? Number(bytes) : Math.floor((whole * Number(percent)) / 100);
}

function readDefault(env: Environment, name: Defaulted): string {
  return readString(env, name) ?? WATCHDOG_DEFAULTS[name];
}

function readString(env: Environment, name: WatchdogVariable): string | undefined {
  const text = env[name]?.trim();
  return text === "" ? undefined : text;
}
