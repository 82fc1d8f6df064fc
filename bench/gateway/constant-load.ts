/** A constant rate of calls, independent of the responses (open loop). */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { pin } from "./program.ts";
import type { Tools } from "./tools.ts";

export interface OpenLoopReport {
  calls: number;
  errors: number;
  /** Measured from the time at which a call was due. */
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
}

export interface OpenLoop {
  url: string;
  callsPerSecond: number;
  seconds: number;
  /** The only processor of the load generator. */
  core: number;
  signal: AbortSignal;
}

/** Sends the calls and waits for their answers. */
export async function runOpenLoop(tools: Tools, options: OpenLoop): Promise<OpenLoopReport> {
  const { url, callsPerSecond, seconds, core, signal } = options;
  const args = [url, String(callsPerSecond), String(seconds)];
  const { stdout } = await promisify(execFile)(...pin(core, tools.path("load"), args), { signal });
  return JSON.parse(stdout) as OpenLoopReport;
}
