/**
 * `npm run bench -- differential [--cases 20000] [--seed 1] [--write]`: the corpus and generated
 * cases to the gateway and to Go, nginx and haproxy; `--write` puts the differences into
 * docs/robustness.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { corpus } from "../test/fuzz/corpus/index.ts";
import {
  type Comparison,
  Contest,
  createComparison,
  type Difference,
} from "../test/fuzz/differential.ts";
import { BLOCK, generateBlock } from "../test/fuzz/generate.ts";
import { FuzzWorld } from "../test/fuzz/world.ts";
import { toTables } from "./differential-tables.ts";
import { readOptions } from "./options.ts";

const DOCUMENT = join(import.meta.dirname, "../docs/robustness.md");
const MARKS = ["<!-- differences: begin -->", "<!-- differences: end -->"] as const;

async function runAll(contest: Contest, seed: number, cases: number): Promise<Comparison> {
  const comparison = createComparison();
  const seeds = corpus.map(({ raw }) => ({ parts: [raw] }));
  for (let at = 0; at < seeds.length; at += BLOCK) {
    await contest.compare(seeds.slice(at, at + BLOCK), comparison);
  }
  for (let first = 0; first < cases; first += BLOCK) {
    const some = generateBlock(seed, first / BLOCK).slice(0, cases - first);
    await contest.compare(some, comparison);
    console.log(`${comparison.cases} cases, ${comparison.laxer.length} laxer`);
  }
  return comparison;
}

function printCase({ kind, sent, gateway, references }: Difference): void {
  console.log(`${gateway} ${JSON.stringify(references)} ${kind}\n  ${JSON.stringify(sent)}`);
}

/** Puts a text between the marks of the document. */
function write(text: string): void {
  const document = readFileSync(DOCUMENT, "utf8");
  const [begin, end] = MARKS.map((mark) => document.indexOf(mark));
  if (begin === undefined || end === undefined || begin === -1 || end < begin) {
    throw new Error(`${DOCUMENT}: expected the marks ${MARKS.join(" and ")}`);
  }
  const head = document.slice(0, begin + MARKS[0].length);
  writeFileSync(DOCUMENT, `${head}\n\n${text}\n\n${document.slice(end)}`);
}

/** Runs the comparison; sets the exit code when the gateway was laxer than all others once. */
export async function benchDifferential(args: readonly string[]): Promise<void> {
  const { cases, seed, ...options } = readOptions(args, { cases: 20_000, seed: 1, write: false });
  const world = await FuzzWorld.start();
  const contest = await Contest.start(world);
  try {
    const comparison = await runAll(contest, seed, cases);
    const text = toTables(comparison);
    console.log(text);
    for (const difference of comparison.laxer) {
      printCase(difference);
    }
    if (options.write) {
      write(text);
    }
    if (comparison.laxer.length > 0) {
      process.exitCode = 1;
    }
  } finally {
    await contest.stop();
    await world.stop();
  }
}
