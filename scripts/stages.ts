/** The stages of a test run; the results of jest's come from its report. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { CommandError, isStopped, runOnTerminal } from "../cli/process.ts";
import { type AssertionResult, type JestReport, REPORT_FILE } from "./jest-report.ts";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export interface TestCase {
  /** Its full name, with the names of the `describe` blocks. */
  name: string;
  /** Path of its file, relative to the root. */
  file: string;
  seconds: number;
  /** The failure with its stack; undefined when it passed. */
  failure?: string;
}

export interface StageResult extends Tally {
  /** The executed tests; empty for stages other than jest's. */
  tests: TestCase[];
}

export interface Stage {
  name: string;
  run: (signal: AbortSignal) => Promise<StageResult>;
}

export interface FinishedStage extends StageResult {
  name: string;
  seconds: number;
}

/** Runs the stages in order; when one is stopped, the rest is skipped. */
export async function runStages(
  stages: readonly Stage[],
  signal: AbortSignal,
): Promise<FinishedStage[]> {
  const finished: FinishedStage[] = [];
  for (const { name, run } of stages) {
    signal.throwIfAborted();
    console.log(`\n== ${name}`);
    const begin = performance.now();
    const result = await run(signal);
    finished.push({ name, seconds: (performance.now() - begin) / 1000, ...result });
  }
  return finished;
}

/**
 * Runs jest with these arguments; a run without a report counts as one failure.
 * @param root folder of jest's configuration
 * @throws CommandError when it was stopped by a signal
 */
export async function runJest(root: string, args: readonly string[]): Promise<StageResult> {
  const folder = await mkdtemp(join(tmpdir(), "plonk-jest-"));
  try {
    const file = join(folder, "report.json");
    const code = await runOnTerminal(process.execPath, toCommandLine(args), {
      cwd: root,
      env: { ...process.env, FORCE_COLOR: "0", [REPORT_FILE]: file },
    });
    if (isStopped(code)) {
      throw new CommandError("jest: stopped by a signal; the rest is skipped", code);
    }
    if (!existsSync(file)) {
      return { passed: 0, failed: 1, skipped: 0, tests: [] };
    }
    return toResult(root, JSON.parse(await readFile(file, "utf8")) as JestReport, code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const JEST = join(import.meta.dirname, "../node_modules/jest/bin/jest.js");

const REPORTER = join(import.meta.dirname, "jest-report.ts");

function toCommandLine(args: readonly string[]): string[] {
  return [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    JEST,
    "--reporters=default",
    `--reporters=${REPORTER}`,
    // Open handles of a failed test must not block the end of the run.
    "--forceExit",
    ...args,
  ];
}

function toResult(root: string, report: JestReport, code: number): StageResult {
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const tests = report.testResults.flatMap(({ name, message, assertionResults }) => {
    const file = relative(root, name);
    // A file that could not be loaded has no tests.
    if (assertionResults.length === 0 && message !== "") {
      return [{ name: "(the whole file)", file, seconds: 0, failure: message }];
    }
    return assertionResults.map((result) => toTest(file, result));
  });
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
    tests,
  };
}

function toTest(file: string, result: AssertionResult): TestCase {
  const { fullName: name, status, duration, failureMessages } = result;
  const test = { name, file, seconds: (duration ?? 0) / 1000 };
  return status === "failed" ? { ...test, failure: failureMessages.join("\n") } : test;
}
