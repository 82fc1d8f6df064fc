/** The parts of the benchmark of the queue, and its command line. */
import { CommandError } from "../../cli/process.ts";
import { readOptions } from "../options.ts";

export const PARTS = ["accept", "drain", "adaptive", "memory"] as const;
export type Part = (typeof PARTS)[number];

export interface AsyncOptions {
  rounds: number;
  /** Length of one measurement of acceptance. */
  seconds: number;
  /** Calls that are drained in one measurement. */
  calls: number;
  /** Calls in the queue while the memory of the worker is measured. */
  queued: number;
  parts: readonly Part[];
  /** Folder for profiles of gateway and worker; undefined: none are taken. */
  profile: string | undefined;
}

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

/**
 * Reads the command line.
 * @throws CommandError with the option that is wrong
 */
export function readAsyncOptions(args: readonly string[]): AsyncOptions {
  const defaults = {
    ...{ rounds: 5, seconds: 3, calls: 4000, queued: 1_000_000 },
    ...{ only: PARTS.join(","), profile: "" },
  };
  const { only, profile, ...counts } = readOptions(args, defaults);
  const named = only.split(",");
  const unknown = named.find((name) => !isPart(name));
  if (unknown !== undefined) {
    throw new CommandError(`only: expected some of ${PARTS.join(", ")}, got "${unknown}"`);
  }
  return {
    ...counts,
    parts: PARTS.filter((part) => named.includes(part)),
    profile: profile === "" ? undefined : profile,
  };
}
