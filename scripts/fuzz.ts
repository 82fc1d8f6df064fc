/** `npm run fuzz`: the property tests with a random seed and many more cases than `npm test`. */
import { randomInt } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { CommandError, readArguments } from "../cli/process.ts";
import { stoppable } from "../cli/stoppable.ts";
import { describeTally } from "./results.ts";
import { runJest } from "./stages.ts";

const root = dirname(import.meta.dirname);

const USAGE = "[--seed N] [--runs N] [path patterns]";

/** Largest seed of fast-check. */
const MAX_SEED = 2 ** 31 - 1;

/** Ten times as many as with `npm test`. */
const RUNS = 1000;
const MAX_RUNS = 10_000_000;

/** Only to end a hang. */
const TIMEOUT_MS = 24 * 3600 * 1000;

export interface FuzzOptions {
  seed: number;
  /** Cases of a property with a hundred cases in `npm test`; others are scaled likewise. */
  runs: number;
  /** Regular expressions of the test files; none means all. */
  patterns: string[];
}

/** @throws CommandError that names the option, the expected and the given value */
export function readFuzzOptions(args: readonly string[]): FuzzOptions {
  const options = { seed: { type: "string" }, runs: { type: "string" } } as const;
  const { values, positionals } = readArguments(
    { args: [...args], allowPositionals: true, options },
    (reason) => `fuzz: ${reason}; expected ${USAGE}`,
  );
  return {
    seed: toNumber("--seed", values.seed ?? String(randomInt(1, MAX_SEED)), MAX_SEED),
    runs: toNumber("--runs", values.runs ?? String(RUNS), MAX_RUNS),
    patterns: positionals,
  };
}

function toNumber(name: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) {
    return value;
  }
  throw new CommandError(`${name}: expected a whole number from 1 to ${max}, got "${text}"`);
}

/**
 * Finds the tests with generated cases by their use of the generator.
 * @throws CommandError when a pattern is invalid or matches none of them
 */
export function findPropertyTests(folder: string, patterns: readonly string[]): string[] {
  const files = readdirSync(join(folder, "test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts"))
    .map((path) => join("test", path))
    .filter((path) => /support\/property-runs|"fast-check"/.test(readText(folder, path)))
    .sort();
  if (patterns.length === 0) {
    return files;
  }
  return [...new Set(patterns.flatMap((pattern) => findMatches(files, pattern)))].sort();
}

function readText(folder: string, path: string): string {
  return readFileSync(join(folder, path), "utf8");
}

function findMatches(files: readonly string[], pattern: string): string[] {
  const found = files.filter((file) => toExpression(pattern).test(file));
  if (found.length > 0) {
    return found;
  }
  throw new CommandError(`path pattern: expected one that matches a property test, got ${pattern}`);
}

function toExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new CommandError(`path pattern: expected a regular expression, got ${pattern}`);
  }
}

/** Runs the campaign; failures and the last line contain the seed. */
export async function fuzz(args: readonly string[]): Promise<number> {
  const { seed, runs, patterns } = readFuzzOptions(args);
  const files = findPropertyTests(root, patterns);
  const command = ["npm run fuzz -- --seed", seed, "--runs", runs, ...patterns].join(" ");
  console.log(`test files: ${files.length}; to repeat: ${command}`);
  process.env["PLONK_FUZZ_SEED"] = String(seed);
  process.env["PLONK_FUZZ_RUNS"] = String(runs);
  const options = [`--testTimeout=${TIMEOUT_MS}`, "--runTestsByPath"];
  const tally = await stoppable(() => runJest(root, [...options, ...files]));
  console.log(`\nseed ${seed}, ${runs} runs: ${describeTally(tally)}`);
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}
