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
  /** Messages on upgraded connections, in the place of calls. */
  isUpgraded?: boolean;
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

/** Answers that come in a hundred pieces. */
export const STREAMS: readonly Setting[] = [
  {
    title: "100 KB in 100 pieces, 50 connections",
    path: `${FUNCTION_PATH}/stream`,
    connections: 50,
  },
];

/** Messages of WebSocket to and fro, on connections that stay. */
export const UPGRADES: readonly Setting[] = [
  {
    title: "messages of 119 B, 50 upgraded connections",
    path: FUNCTION_PATH,
    connections: 50,
    isUpgraded: true,
  },
];

/** The constant load that shows what a gateway adds to a function's own time. */
export const CONSTANT_LOAD = { callsPerSecond: 1000, delay: "100ms", path: FUNCTION_PATH };

/** What can be measured by itself. */
export const PARTS = ["answers", "uploads", "streams", "upgrades", "added"] as const;

export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  parts: readonly Part[];
  rounds: number;
  /** Length of one measurement. */
  seconds: number;
  contestants: readonly ContestantName[];
}

/**
 * Reads the command line; Go's proxy always takes part, as the ratios are to it.
 * @throws CommandError with the option that is wrong.
 */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const defaults = { rounds: 5, seconds: 3, only: CONTESTANTS.join(","), parts: PARTS.join(",") };
  const { rounds, seconds, only, parts } = readOptions(args, defaults);
  return {
    parts: readNames("parts", parts, PARTS),
    rounds,
    seconds,
    contestants: readNames("only", `go,${only}`, CONTESTANTS),
  };
}

/** Some of the known names, in the order in which these are known. */
function readNames<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const named = text.split(",");
  const unknown = named.find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new CommandError(`${option}: expected some of ${known.join(", ")}, got "${unknown}"`);
  }
  return known.filter((name) => named.includes(name));
}
