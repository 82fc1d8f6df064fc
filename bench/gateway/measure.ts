/** Measurements of a running proxy: the load generator's report, processor time, memory. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { pin, type Program } from "./program.ts";
import type { Tools } from "./tools.ts";

/** Ticks per second in procfs: USER_HZ, 100 on all supported platforms. */
const TICKS = 100;

export interface Load {
  /** Path and query. */
  path: string;
  connections: number;
  seconds: number;
  /** Length of the body that is sent. @default none */
  uploadBytes?: number;
  /** Messages on upgraded connections, in the place of calls. @default false */
  isUpgraded?: boolean;
  /** The only processor of the load generator. @default any */
  core?: number;
}

/** The report of wrk. */
export interface WrkReport {
  calls: number;
  callsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Answers other than 2xx and 3xx, and errors of connections. */
  errors: number;
}

export interface Measurement extends WrkReport {
  /** Share of one core that the proxy used. */
  busy: number;
  /** Processor time of the proxy a call. */
  cpuMicroseconds: number;
  /** Proportional set size, MiB, at the end of the load. */
  memoryMiB: number;
}

const UNITS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function readDuration(text: string, percentile: string): number {
  const [, value, unit = ""] =
    new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(\\w+)\\s*$`, "m").exec(text) ?? [];
  return Number(value ?? NaN) * (UNITS[unit] ?? NaN);
}

/**
 * Reads the output of `wrk --latency`.
 * @throws for any other text.
 */
export function parseWrk(text: string): WrkReport {
  const calls = /^\s+(\d+) requests in /m.exec(text)?.[1];
  const rate = /^Requests\/sec:\s+([\d.]+)$/m.exec(text)?.[1];
  if (calls === undefined || rate === undefined) {
    throw new Error(`wrk: expected its report, got ${JSON.stringify(text.slice(0, 300))}`);
  }
  const socketErrors = /^\s+Socket errors: (.*)$/m.exec(text)?.[1]?.match(/\d+/g) ?? [];
  const statusErrors = /^\s+Non-2xx or 3xx responses: (\d+)$/m.exec(text)?.[1] ?? 0;
  return {
    calls: Number(calls),
    callsPerSecond: Number(rate),
    p50Ms: readDuration(text, "50"),
    p99Ms: readDuration(text, "99"),
    errors: [statusErrors, ...socketErrors].reduce((sum: number, part) => sum + Number(part), 0),
  };
}

/** Processor time of a process so far, seconds; fields 14 and 15 of proc(5)'s stat. */
export function parseProcessorSeconds(stat: string): number {
  // The program's name, in parentheses, may contain spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** The same of a process that runs. */
export function readProcessorSeconds(pid: number): number {
  return parseProcessorSeconds(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/** Proportional set size of a process, MiB. */
export function readMemoryMiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? NaN) / 1024;
}

export interface MeasureContext {
  tools: Tools;
  /** Makes wrk send bodies. */
  script: string;
  signal: AbortSignal;
}

/** Loads a proxy from a number of connections as fast as it answers, for some seconds. */
export async function measure(
  { tools, script, signal }: MeasureContext,
  program: Program,
  load: Load,
): Promise<Measurement> {
  const { connections, seconds, uploadBytes, isUpgraded = false } = load;
  const url = `http://127.0.0.1:${program.port}${load.path}`;
  const upload = uploadBytes === undefined ? [] : ["--script", script];
  const [command, args] = isUpgraded
    ? pin(load.core, tools.path("messages"), [url, String(connections), String(seconds)])
    : pin(load.core, tools.path("wrk"), [
        ...["--threads", "1", "--connections", String(connections), "--duration", `${seconds}s`],
        ...["--latency", "--timeout", "10s", ...upload, url],
      ]);
  const env = { ...process.env, ...tools.env, UPLOAD_BYTES: String(uploadBytes ?? 0) };
  const before = readProcessorSeconds(program.pid);
  const begin = performance.now();
  const { stdout } = await promisify(execFile)(command, args, { env, signal });
  const elapsed = (performance.now() - begin) / 1000;
  const processor = readProcessorSeconds(program.pid) - before;
  const report = isUpgraded ? (JSON.parse(stdout) as WrkReport) : parseWrk(stdout);
  return {
    ...report,
    busy: processor / elapsed,
    cpuMicroseconds: (processor / report.calls) * 1e6,
    memoryMiB: readMemoryMiB(program.pid),
  };
}
