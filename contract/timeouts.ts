/**
 * The time-outs of a call, in one place: the gateway keeps them, the operator derives a pod's from
 * them, and the watchdog gets those by its environment.
 *
 * Where each comes from, the first that is there: the function's label, (for the whole call) the
 * function's own `exec_timeout`, the platform's setting, the default. 0 is no limit.
 */
import { formatDuration, parseDuration } from "./duration.ts";
import type { WatchdogVariable } from "./environment/watchdog.ts";
import { LABEL } from "./names.ts";

/** The limits that the gateway keeps, milliseconds; 0 is no limit. */
export interface CallTimeouts {
  /** To open a connection to a pod. The network's business, so the same for all functions. */
  connectMs: number;
  /** From the last byte of the request until the first one of the answer. */
  firstByteMs: number;
  /** Silence of a stream in both directions. Server-sent events may be silent as they like. */
  idleMs: number;
  /** From sending the call to a pod until the last byte; not of upgraded connections. */
  callMs: number;
}

/** By which variables gateway and operator get the platform's settings, and their defaults. */
export const TIMEOUT_SETTINGS = {
  connect: { variable: "connect_timeout", text: "3s" },
  firstByte: { variable: "first_byte_timeout", text: "0s" },
  idle: { variable: "idle_timeout", text: "5m" },
  call: { variable: "upstream_timeout", text: "60s" },
} as const;

/** The longest time-out that a label may ask for, milliseconds. */
export const MAX_TIMEOUT_MS = 24 * 3_600_000;

/** How long a pod that stops, of whatever kind, waits for calls that have no limit. */
export const UNLIMITED_DRAIN_MS = 5 * 60_000;

/**
 * The most that a pod with calls is given to stop, seconds: the longest call of any function, its
 * start and its end. The process ends with its last call, and alone knows how long that may take.
 */
export const LONGEST_DRAIN_SECONDS = MAX_TIMEOUT_MS / 1000 + 600;

/**
 * How long a function's pod goes on as before after its end was decided (`preStop`), so that all
 * routes to it are gone before its process is told to stop; seconds.
 */
export const PRE_STOP_SECONDS = 3;

/** What time-outs are read from. */
export interface TimeoutSource {
  labels?: Record<string, string>;
  environment?: Record<string, string>;
}

const LABELS = {
  firstByteMs: LABEL.firstByteTimeout,
  idleMs: LABEL.idleTimeout,
  callMs: LABEL.callTimeout,
} as const;

/** A function's limits; a label that is no valid time-out counts as not set. */
export function callTimeouts(source: TimeoutSource, platform: CallTimeouts): CallTimeouts {
  const { labels = {}, environment = {} } = source;
  return {
    connectMs: platform.connectMs,
    firstByteMs: readTimeout(labels[LABELS.firstByteMs]) ?? platform.firstByteMs,
    idleMs: readTimeout(labels[LABELS.idleMs]) ?? platform.idleMs,
    callMs:
      readTimeout(labels[LABELS.callMs]) ??
      readTimeout(environment["exec_timeout"]) ??
      platform.callMs,
  };
}

/** Environment variables that hold a watchdog's time-outs (of-watchdog's names). */
export const WATCHDOG_TIMEOUTS = [
  "read_timeout",
  "write_timeout",
  "exec_timeout",
] as const satisfies WatchdogVariable[];
type WatchdogTimeouts = Record<(typeof WATCHDOG_TIMEOUTS)[number], string>;

/**
 * A watchdog's time-outs as its environment says them: what the function sets itself, or what
 * follows from the longest call. Zero is no limit, except that a stopping watchdog must end.
 */
export function watchdogTimeouts(source: TimeoutSource, platform: CallTimeouts): WatchdogTimeouts {
  const { environment = {} } = source;
  const { callMs } = callTimeouts(source, platform);
  const own = (name: keyof WatchdogTimeouts, otherwiseMs: number): string =>
    readTimeout(environment[name]) === undefined
      ? formatDuration(otherwiseMs)
      : (environment[name] ?? "");
  return {
    read_timeout: own("read_timeout", callMs),
    write_timeout: own("write_timeout", callMs === 0 ? UNLIMITED_DRAIN_MS : callMs),
    exec_timeout: own("exec_timeout", callMs),
  };
}

/** The longest time for which a stopping watchdog may still be busy, milliseconds. */
export function drainMs(source: TimeoutSource, platform: CallTimeouts): number {
  const { write_timeout, exec_timeout } = watchdogTimeouts(source, platform);
  const execMs = parseDuration(exec_timeout);
  return Math.max(stopMs(parseDuration(write_timeout), execMs), execMs);
}

/**
 * How long a stopping watchdog waits for its calls, milliseconds: `write_timeout`; where that is
 * none, for the longest call.
 */
export function stopMs(writeMs: number, execMs: number): number {
  return writeMs || execMs || UNLIMITED_DRAIN_MS;
}

/** Labels that hold a function's time-outs. */
export const TIMEOUT_LABELS: readonly string[] = Object.values(LABELS);

/** Milliseconds of a time-out; undefined for what is no duration, or longer than a day. */
export function readTimeout(text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  try {
    const milliseconds = parseDuration(text);
    return milliseconds <= MAX_TIMEOUT_MS ? milliseconds : undefined;
  } catch {
    return undefined;
  }
}
