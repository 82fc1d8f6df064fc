/** The services' logger: pino in JSON, which redacts secrets. */
import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger } from "pino";

export interface LoggerOptions {
  /** Name of the service, in each line. */
  name: string;
  /** Lowest level that is written: trace, debug, info, warn, error, fatal or silent. */
  level?: string;
  /** Where lines go. @default standard output */
  destination?: DestinationStream;
}

const SECRET = /authorization|cookie|passw|token|secret|credential|^body$|^rawvalue$/i;
const CENSORED = "[redacted]";
const MAX_DEPTH = 4;

/** A logger that writes one JSON object a line. */
export function createLogger({ name, level = "info", destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: redact },
    serializers: { err: describeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** A copy of a log entry in which the values of keys that look secret are redacted. */
export function redact(entry: Record<string, unknown>): Record<string, unknown> {
  return redactObject(entry, 0);
}

function redactObject(entry: Record<string, unknown>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(entry)) {
    copy[key] =
      SECRET.test(key) && typeof value !== "number" ? CENSORED : redactValue(value, depth);
  }
  return copy;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Error) {
    return value;
  }
  if (depth >= MAX_DEPTH) {
    return "[deeper]";
  }
  if (Array.isArray(value)) {
    return value.map((item) => redactValue(item, depth + 1));
  }
  return redactObject(value as Record<string, unknown>, depth + 1);
}

/** The safe parts of an error: libraries attach sockets, headers and bodies to it. */
export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) {
    return { message: String(error) };
  }
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
    stack: error.stack,
  };
}

/** The message of any thrown value, with that of its cause. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return error.cause instanceof Error && !error.message.includes(error.cause.message)
    ? `${error.message}: ${error.cause.message}`
    : error.message;
}
