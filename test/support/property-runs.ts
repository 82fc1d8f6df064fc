/**
 * The cases of property tests: always the same, so that results are reproducible, unless the
 * variables of `npm run fuzz` select others.
 */
import fc from "fast-check";

export const SEED = read("PLONK_FUZZ_SEED") ?? 20_261_128;

/** How many cases a property has that says nothing of it; fast-check's own default. */
const RUNS = 100;

const WANTED = read("PLONK_FUZZ_RUNS") ?? RUNS;

/** A number of cases, or a time for them, that grows with those of the campaign. */
export function runs(usual: number): number {
  return Math.ceil((usual * WANTED) / RUNS);
}

function read(name: string): number | undefined {
  const text = process.env[name];
  return text === undefined ? undefined : Number(text);
}

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED, numRuns: runs(RUNS) });
