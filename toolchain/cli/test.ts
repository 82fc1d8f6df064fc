/** `npm test`: the checks, the unit and integration tests and the whole stack on a real cluster. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { acquireAll } from "../acquire.ts";
import { resolveArtifacts } from "../artifacts.ts";
import { runChecks } from "./check.ts";
import { interruptible, runOnTerminal } from "./process.ts";

const root = dirname(dirname(import.meta.dirname));

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface JestSummary {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numRuntimeErrorTestSuites: number;
}

/** Runs jest over some folders; a run that leaves no summary counts as one failure. */
async function runJest(folder: string, name: string, args: readonly string[]): Promise<Tally> {
  console.log(`\n== ${name}`);
  const summary = join(folder, `${name.replaceAll(" ", "-")}.json`);
  const code = await runOnTerminal(
    process.execPath,
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      join(root, "node_modules", "jest", "bin", "jest.js"),
      "--json",
      `--outputFile=${summary}`,
      // What a failed test left open must not keep the whole run from ending.
      "--forceExit",
      ...args,
    ],
    { cwd: root, env: { ...process.env, FORCE_COLOR: "0" } },
  );
  if (!existsSync(summary)) return { passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(await readFile(summary, "utf8")) as JestSummary;
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  return {
    passed: result.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: result.numPendingTests + result.numTodoTests,
  };
}

/** `npm test -- <jest arguments>` runs just those tests; without arguments everything is run. */
export async function test(args: readonly string[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "plonk-test-"));
  // The plugins of this clone must not take the place of those that the person's own stack uses.
  process.env["PLONK_HOME"] ??= join(folder, "home");
  try {
    const tallies =
      args.length > 0 ? [await runJest(folder, "chosen tests", args)] : await runAll(folder);
    const sum = (key: keyof Tally): number =>
      tallies.reduce((total, tally) => total + tally[key], 0);
    const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
    console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
    return sum("failed") === 0 && sum("passed") > 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runAll(folder: string): Promise<Tally[]> {
  console.log("== toolchain");
  await interruptible((signal) => acquireAll(undefined, { signal }));
  await interruptible((signal) => resolveArtifacts({ signal }));
  console.log("\n== checks");
  const checks = await runChecks();
  const passed = checks.filter((result) => result.passed).length;
  return [
    { passed, failed: checks.length - passed, skipped: 0 },
    await runJest(folder, "unit and integration tests", ["--testPathIgnorePatterns=/e2e/"]),
    await runJest(folder, "end to end tests", ["--runInBand", "test/e2e"]),
  ];
}
