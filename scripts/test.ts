/** `npm test`: the checks, the unit and integration tests and the whole stack on a real cluster. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { stoppable } from "../cli/stoppable.ts";
import { removeCompilerCache } from "../standins/from-source/recipes/go.ts";
import { acquireAll } from "../toolchain/acquire.ts";
import { resolveArtifacts } from "../toolchain/artifacts.ts";
import { runChecks } from "./check.ts";
import {
  describeFailures,
  describeSlowest,
  describeTally,
  readCommit,
  sumUp,
  toRecord,
  writeRecord,
} from "./results.ts";
import { runJest, runStages, type Stage, type StageResult } from "./stages.ts";
import { TEST_GROUPS } from "./test-groups.ts";

const root = dirname(import.meta.dirname);

/** Written only by complete runs. */
const RECORD = join(root, "test", ".results", "last.json");

const stages: readonly Stage[] = [
  {
    name: "toolchain",
    run: async (signal) => {
      await acquireAll(undefined, { signal });
      await resolveArtifacts({ signal });
      await removeCompilerCache();
      return { passed: 0, failed: 0, skipped: 0, tests: [] };
    },
  },
  { name: "checks", run: checkAll },
  ...TEST_GROUPS.map(({ name, args }) => ({ name, run: () => runJest(root, args) })),
];

async function checkAll(signal: AbortSignal): Promise<StageResult> {
  const checks = await runChecks(signal);
  const passed = checks.filter((result) => result.passed).length;
  return { passed, failed: checks.length - passed, skipped: 0, tests: [] };
}

/** `npm test -- <jest arguments>` runs just those tests; without arguments everything is run. */
export async function test(args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "plonk-test-"));
  // The plugins of this checkout must not replace those of the user's own stacks.
  process.env["PLONK_HOME"] ??= join(folder, "home");
  try {
    return await stoppable((signal) => (args.length > 0 ? runSome(args, signal) : runAll(signal)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runSome(args: readonly string[], signal: AbortSignal): Promise<number> {
  const chosen: Stage = { name: "chosen tests", run: () => runJest(root, args) };
  return end(sumUp(await runStages([chosen], signal)));
}

async function runAll(signal: AbortSignal): Promise<number> {
  const startedAt = new Date();
  const begin = performance.now();
  const source = await readCommit(root);
  const finished = await runStages(stages, signal);
  const seconds = (performance.now() - begin) / 1000;
  const record = toRecord({ ...source, startedAt, seconds, stages: finished });
  await writeRecord(RECORD, record);
  console.log(`\n${describeSlowest(record.slowest)}`);
  for (const stage of record.stages) {
    console.log(`${stage.seconds.toFixed(0).padStart(5)} s    ${stage.name}`);
  }
  const failures = describeFailures(finished.flatMap(({ tests }) => tests));
  if (failures !== "") {
    console.log(`\n${failures}`);
  }
  return end(record);
}

/** Prints the totals in the last line, and returns the exit code. */
function end(tally: ReturnType<typeof sumUp>): number {
  console.log(`\n${describeTally(tally)}`);
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}
