/** The measured settings, and the command line. */
import { CommandError } from "../../cli/process.ts";
import { readOptions } from "../options.ts";
import { type ContestantName, CONTESTANTS, FUNCTION_PATH } from "./contestants.ts";
import { LARGE_BYTES } from "./upstream.ts";

/** The core that a proxy under test has for itself. */
export const PROXY_CORE = 0;

/** The core of the load generator and of the function. */
export const LOAD_CORE = 1;

export interface Setting {
  /** For people, e.g. `20 B, 50 connections`. */
  title: string;
  path: string;
  connections: number;
  uploadBytes?: number;
}

const CONNECTIONS = [10, 50, 250];

/** Answers of both sizes, which come from the function that costs next to nothing. */
export const DOWNLOADS: readonly Setting[] = [
  ["20 B", "small"],
  ["100 KB", "large"],
].flatMap(([size, path]) =>
  CONNECTIONS.map((connections) => ({
    title: `${size}, ${connections} connections`,
    path: `${FUNCTION_PATH}/${path}`,
    connections,
  })),
);

/** Bodies on their way to the function, which must read them. */
export const UPLOADS: readonly Setting[] = [
  {
    title: "100 KB upload, 50 connections",
    path: FUNCTION_PATH,
    connections: 50,
    uploadBytes: LARGE_BYTES,
  },
];

/** The constant load that shows what a gateway adds to a function's own time. */
export const CONSTANT_LOAD = { callsPerSecond: 1000, delay: "100ms", path: FUNCTION_PATH };

export interface BenchOptions {
  rounds: number;
  /** Length of one measurement. */
  seconds: number;
  contestants: readonly ContestantName[];
}

function isContestant(name: string): name is ContestantName {
  return (CONTESTANTS as readonly string[]).includes(name);
}

/**
 * Reads the command line; Go's proxy always takes part, as the ratios are to it.
 * @throws CommandError with the option that is wrong.
 */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const defaults = { rounds: 5, seconds: 3, only: CONTESTANTS.join(",") };
  const { rounds, seconds, only } = readOptions(args, defaults);
  const named = only.split(",");
  const unknown = named.find((name) => !isContestant(name));
  if (unknown !== undefined) {
    throw new CommandError(`only: expected some of ${CONTESTANTS.join(", ")}, got "${unknown}"`);
  }
  return {
    rounds,
    seconds,
    contestants: CONTESTANTS.filter((name) => name === "go" || named.includes(name)),
  };
}
