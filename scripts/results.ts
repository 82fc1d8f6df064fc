/** Results of a test run: its summary, and its record in `test/.results/last.json`. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { capture } from "../toolchain/run-command.ts";
import type { FinishedStage, Tally, TestCase } from "./stages.ts";

/** Number of the slowest tests in the report. */
const SLOWEST = 10;
/** How many lines of a failure are shown. */
const REASON_LINES = 25;

/** The record of a complete run. It contains nothing about the machine. */
export interface RunRecord extends Tally {
  /** Null without a git checkout. */
  commit: string | null;
  /** Whether there were uncommitted changes. */
  dirty: boolean;
  startedAt: string;
  seconds: number;
  stages: (Tally & { name: string; seconds: number })[];
  failures: Pick<TestCase, "name" | "file">[];
  /** The ten that took longest. */
  slowest: Omit<TestCase, "failure">[];
}

export function sumUp(stages: readonly Tally[]): Tally {
  const sum = (key: keyof Tally): number => stages.reduce((total, stage) => total + stage[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
}

/** The last line of a run. */
export function describeTally({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function findSlowest(tests: readonly TestCase[]): TestCase[] {
  return [...tests].sort((one, other) => other.seconds - one.seconds).slice(0, SLOWEST);
}

/**
 * Repeats the failures at the end of the output, each with its first lines. A reason that several
 * tests share, such as a failed `beforeAll`, is printed once.
 */
export function describeFailures(tests: readonly TestCase[]): string {
  const namesByReason = new Map<string, string[]>();
  for (const { name, file, failure } of tests) {
    if (failure === undefined) {
      continue;
    }
    const reason = stripVTControlCharacters(failure).split("\n").slice(0, REASON_LINES).join("\n");
    namesByReason.set(reason, [...(namesByReason.get(reason) ?? []), `${file}: ${name}`]);
  }
  const blocks = [...namesByReason].map(([reason, names]) => {
    const more = names.length > 1 ? [`  and ${names.length - 1} more for the same reason`] : [];
    return [`  ${names[0]}`, ...more, reason.replaceAll(/^(?=.)/gm, "      ")].join("\n");
  });
  return blocks.length === 0 ? "" : ["failed tests:", ...blocks].join("\n");
}

/** One line for each test. */
export function describeSlowest(tests: RunRecord["slowest"]): string {
  const lines = tests.map(({ name, file, seconds }) => {
    return `${seconds.toFixed(1).padStart(7)} s  ${file}: ${name}`;
  });
  return ["slowest tests:", ...lines].join("\n");
}

/** The tested commit, and whether the sources differ from it. */
export async function readCommit(root: string): Promise<{ commit: string | null; dirty: boolean }> {
  const git = async (...args: string[]): Promise<string | undefined> => {
    const { code, stdout } = await capture("git", args, { cwd: root, env: process.env });
    return code === 0 ? stdout.trim() : undefined;
  };
  try {
    const commit = await git("rev-parse", "HEAD");
    if (commit === undefined) {
      return { commit: null, dirty: false };
    }
    return { commit, dirty: (await git("status", "--porcelain")) !== "" };
  } catch {
    return { commit: null, dirty: false }; // no git on this machine
  }
}

export interface Run {
  commit: string | null;
  dirty: boolean;
  startedAt: Date;
  seconds: number;
  stages: readonly FinishedStage[];
}

export function toRecord({ commit, dirty, startedAt, seconds, stages }: Run): RunRecord {
  const tests = stages.flatMap((stage) => stage.tests);
  const failures = tests.filter(({ failure }) => failure !== undefined);
  return {
    commit,
    dirty,
    startedAt: startedAt.toISOString(),
    seconds: round(seconds),
    ...sumUp(stages),
    stages: stages.map(({ name, seconds: taken, passed, failed, skipped }) => {
      return { name, seconds: round(taken), passed, failed, skipped };
    }),
    failures: failures.map(({ name, file }) => ({ name, file })),
    slowest: findSlowest(tests).map((test) => {
      return { name: test.name, file: test.file, seconds: round(test.seconds) };
    }),
  };
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

export async function writeRecord(file: string, record: RunRecord): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(record, undefined, 2)}\n`);
}
