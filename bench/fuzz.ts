/**
 * `npm run bench -- fuzz [--cases 1000000] [--seed 1] [--store]`: generated cases against a gateway
 * process; prints what came of them and every failure. `--store` keeps failures in the corpus.
 */
import { describeEntries, type Tally } from "../test/fuzz/campaign.ts";
import { describeFailure, runCorpus, runGenerated, storeFailures } from "../test/fuzz/run.ts";
import { FuzzWorld } from "../test/fuzz/world.ts";
import { readOptions } from "./options.ts";

function describe(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([a], [b]) => a.localeCompare(b));
  return entries.map(([key, count]) => `${key} ${count}`).join(", ");
}

function print(world: FuzzWorld, tally: Tally, begin: number): void {
  const seconds = ((Date.now() - begin) / 1000).toFixed(0);
  const memory = world.gateway.hasEnded ? "ended" : `${world.gateway.memoryMiB.toFixed(0)} MiB`;
  console.log(
    `${tally.cases} cases in ${seconds} s, ${tally.failures.length} failed, ` +
      `${tally.unconfirmed.length} only once, ` +
      `${tally.passed} requests passed on, gateway ${memory}`,
  );
}

/** Runs the campaign; sets the exit code when a case failed. */
export async function benchFuzz(args: readonly string[]): Promise<void> {
  const { cases, seed, store } = readOptions(args, { cases: 1_000_000, seed: 1, store: false });
  const env = { NODE_OPTIONS: "--max-old-space-size=96" };
  const world = await FuzzWorld.start({ env, isWhole: true });
  try {
    const begin = Date.now();
    const seeds = await runCorpus(world);
    print(world, seeds, begin);
    const report = (tally: Tally): void => print(world, tally, begin);
    const tally = await runGenerated(world, { seed, cases, report });
    print(world, tally, begin);
    console.log(`ended by: ${describe(tally.endings)}\nfirst answer: ${describe(tally.statuses)}`);
    const failures = [...seeds.failures, ...tally.failures];
    for (const failure of failures) {
      console.log(describeFailure(seed, failure));
    }
    for (const failure of [...seeds.unconfirmed, ...tally.unconfirmed]) {
      console.log(`only once: ${describeFailure(seed, failure)}`);
    }
    console.log(`entries: ${describeEntries(tally)}`);
    if (failures.length > 0) {
      process.exitCode = 1;
    }
    if (store) {
      await storeFailures(world, { seed, failures });
    }
  } finally {
    await world.stop();
  }
}
