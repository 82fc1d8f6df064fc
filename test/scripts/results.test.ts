/** What a test run says at its end, and what it keeps. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  describeFailures,
  describeSlowest,
  describeTally,
  readCommit,
  toRecord,
  writeRecord,
} from "../../scripts/results.ts";
import type { FinishedStage } from "../../scripts/stages.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plonk-results-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

const STAGES: FinishedStage[] = [
  { name: "checks", seconds: 30.04, passed: 5, failed: 0, skipped: 0, tests: [] },
  {
    name: "tests",
    seconds: 12.26,
    passed: 10,
    failed: 1,
    skipped: 1,
    tests: Array.from({ length: 12 }, (_, index) => ({
      name: `test ${index}`,
      file: "test/a.test.ts",
      seconds: (index * 7) % 12,
      ...(index === 3 ? { failure: "Error: three\n    at a.test.ts:1" } : {}),
    })),
  },
];

describe("toRecord", () => {
  const record = toRecord({
    commit: "c0ffee",
    dirty: true,
    startedAt: new Date(0),
    seconds: 42.349,
    stages: STAGES,
  });

  it("has counts, stages, failures and the slowest ten", () => {
    expect({ ...record, slowest: record.slowest.map(({ seconds }) => seconds) }).toEqual({
      commit: "c0ffee",
      dirty: true,
      startedAt: "1970-01-01T00:00:00.000Z",
      seconds: 42.3,
      passed: 15,
      failed: 1,
      skipped: 1,
      stages: [
        { name: "checks", seconds: 30, passed: 5, failed: 0, skipped: 0 },
        { name: "tests", seconds: 12.3, passed: 10, failed: 1, skipped: 1 },
      ],
      failures: [{ name: "test 3", file: "test/a.test.ts" }],
      slowest: [11, 10, 9, 8, 7, 6, 5, 4, 3, 2],
    });
    expect(record.slowest[0]).toEqual({ name: "test 5", file: "test/a.test.ts", seconds: 11 });
  });

  it("is written where there is no folder yet", async () => {
    const file = join(folder, ".results", "last.json");
    await writeRecord(file, record);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(record);
  });

  it("says of each failure what it was, and of several alike only once", () => {
    const file = "test/a.test.ts";
    const failure = `\u001b[31mno cluster\u001b[39m${"\n    at x".repeat(99)}`;
    const told = describeFailures([
      { name: "passes", file, seconds: 1 },
      { name: "one", file, seconds: 1, failure },
      { name: "two", file, seconds: 1, failure: "Error: 2" },
      { name: "three", file, seconds: 1, failure },
    ]).split("\n");
    expect(told.slice(0, 5)).toEqual([
      "failed tests:",
      "  test/a.test.ts: one",
      "  and 1 more for the same reason",
      "      no cluster",
      "          at x",
    ]);
    expect(told.slice(-2)).toEqual(["  test/a.test.ts: two", "      Error: 2"]);
    expect(told).toHaveLength(30);
    expect(describeFailures([{ name: "passes", file, seconds: 1 }])).toBe("");
  });

  it("names the slowest tests with their files", () => {
    expect(describeSlowest(record.slowest.slice(0, 2))).toBe(
      "slowest tests:\n   11.0 s  test/a.test.ts: test 5\n   10.0 s  test/a.test.ts: test 10",
    );
  });
});

describe("describeTally", () => {
  it("names what was skipped only where there is some", () => {
    expect(describeTally({ passed: 2, failed: 0, skipped: 0 })).toBe("2 passed, 0 failed");
    expect(describeTally({ passed: 2, failed: 1, skipped: 3 })).toBe(
      "2 passed, 1 failed, 3 skipped",
    );
  });
});

describe("readCommit", () => {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: folder,
      encoding: "utf8",
    });

  it("tells the commit, and whether the sources differ from it", async () => {
    git("init", "--quiet");
    git("commit", "--quiet", "--allow-empty", "--message", "first");
    const commit = git("rev-parse", "HEAD").trim();
    expect(await readCommit(folder)).toEqual({ commit, dirty: false });
    writeFileSync(join(folder, "new"), "");
    expect(await readCommit(folder)).toEqual({ commit, dirty: true });
  });

  it("knows none outside of a checkout", async () => {
    expect(await readCommit(folder)).toEqual({ commit: null, dirty: false });
  });
});
