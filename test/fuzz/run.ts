/** Whole campaigns: the corpus in several deliveries, then generated cases. */
import { readFileSync, writeFileSync } from "node:fs";
import {
  confirmFailures,
  createTally,
  type Failure,
  runCases,
  shrink,
  type Tally,
} from "./campaign.ts";
import { allSeeds, corpus, FOUND } from "./corpus/index.ts";
import { BLOCK } from "./generate.ts";
import { generateEntryBlock } from "./generate-entries.ts";
import type { FuzzWorld } from "./world.ts";

/** Every seed in one write and in two; what is about the reading of heads, byte by byte as well. */
export async function runCorpus(world: FuzzWorld): Promise<Tally> {
  const tally = createTally();
  const whole = allSeeds.map(({ raw }) => ({ parts: [raw] }));
  const halves = allSeeds.map(({ raw }) => {
    const middle = Math.floor(raw.length / 2);
    return { parts: [raw.slice(0, middle), raw.slice(middle)].filter((part) => part !== "") };
  });
  const single = corpus
    .filter(({ raw }) => raw.length <= 400)
    .map(({ raw }) => ({ parts: raw.split("") }));
  for (const cases of [whole, halves, single]) {
    for (let at = 0; at < cases.length; at += BLOCK) {
      const known = tally.failures.length;
      await runCases(world, cases.slice(at, at + BLOCK), { tally, first: at });
      await confirmFailures(world, tally, known);
    }
  }
  return tally;
}

export interface CampaignOptions {
  seed: number;
  cases: number;
  /** Told now and then how far it is. @default nobody */
  report?: (tally: Tally) => void;
}

/** Generated cases; ends early when there are more failures than anybody reads. */
export async function runGenerated(
  world: FuzzWorld,
  { seed, cases, report }: CampaignOptions,
): Promise<Tally> {
  const tally = createTally();
  const blocks = Math.ceil(cases / BLOCK);
  for (let block = 0; block < blocks && tally.failures.length < 50; block += 1) {
    const first = block * BLOCK;
    const some = generateEntryBlock(seed, block).slice(0, cases - first);
    const known = tally.failures.length;
    await runCases(world, some, { tally, first });
    await confirmFailures(world, tally, known);
    if (block % 20 === 19) {
      report?.(tally);
    }
  }
  return tally;
}

/** One line for each failure: enough to run it again. */
export function describeFailure(seed: number, failure: Failure): string {
  const sent = JSON.stringify(failure.case.parts.join("").slice(0, 2000));
  return `seed ${seed}, case ${failure.number}: ${failure.breach}\n  ${sent}`;
}

/** Makes the first failures small and keeps them in the corpus. */
export async function storeFailures(
  world: FuzzWorld,
  { seed, failures }: { seed: number; failures: readonly Failure[] },
): Promise<void> {
  const known = JSON.parse(readFileSync(FOUND, "utf8")) as { name: string; base64: string }[];
  for (const failure of failures.slice(0, 5)) {
    const { parts } = await shrink(world, failure.case);
    const base64 = Buffer.from(parts.join(""), "latin1").toString("base64");
    known.push({ name: `${failure.breach.slice(0, 80)} (${seed}/${failure.number})`, base64 });
  }
  writeFileSync(FOUND, `${JSON.stringify(known, undefined, 2)}\n`);
}
