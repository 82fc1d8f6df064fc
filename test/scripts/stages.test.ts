/** Stages of jest over small projects of their own, in a process that is told to end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { collectCleanups } from "../support/cleanup.ts";
import { untilWritten } from "../support/until.ts";

/** Time for jest to start on a busy machine, milliseconds. */
const PATIENCE_MS = 60_000;

const atEnd = collectCleanups(afterEach);
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "plonk-stages-"));
  write("package.json", '{ "type": "module" }');
  write("jest.config.js", 'export default { transform: {}, testMatch: ["**/*.test.js"] };');
  atEnd(() => rmSync(root, { recursive: true }));
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** A script in a process of its own, as a signal would end this one. */
function startScript(script: string): { run: ChildProcess; output: () => string } {
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  const run = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  atEnd(() => run.kill("SIGKILL"));
  let output = "";
  run.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return { run, output: () => output };
}

const ROOT = new URL("../../", import.meta.url).href;

/** A run of two stages. */
function startRun(): { run: ChildProcess; output: () => string } {
  return startScript(`
    import { runJest, runStages } from "${ROOT}scripts/stages.ts";
    import { stoppable } from "${ROOT}cli/stoppable.ts";
    const root = ${JSON.stringify(root)};
    const stages = ["first", "second"].map((name) => ({ name, run: () => runJest(root, [name]) }));
    try {
      await stoppable((signal) => runStages(stages, signal));
      console.log("all done");
    } catch (error) {
      console.log(error.message);
      process.exitCode = error.exitCode;
    }`);
}

/** A test that starts a program in a session of its own, and waits for ever. */
const ENDLESS = (script: string): string => `
  import { spawn } from "node:child_process";
  import { writeFileSync } from "node:fs";
  test("waits", async () => {
    const script = ${JSON.stringify(script)};
    const child = spawn("sh", ["-c", script], { detached: true });
    child.stdout.on("data", () => {
      writeFileSync("begun", [child.pid, process.pid, process.ppid].join(" "));
    });
    await new Promise(() => {});
  }, 600_000);`;

const DONE = `
  import { writeFileSync } from "node:fs";
  test("is done", () => writeFileSync("followed", ""));`;

function isRunning(pid: number): boolean {
  try {
    // A zombie has ended; only its parent, maybe the machine's first process, has not noticed yet.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

describe("stages", () => {
  it.each([
    ["SIGINT", 130, "echo ready; exec sleep 600"],
    ["SIGTERM", 143, "trap '' TERM; echo ready; exec sleep 600"],
  ] as const)(
    "end with all their programs on %s, and none follows",
    async (signal, exitCode, script) => {
      write("first.test.js", ENDLESS(script));
      write("second.test.js", DONE);
      const { run, output } = startRun();
      const ended = once(run, "close");
      const begun = join(root, "begun");
      const pids = (await untilWritten(begun, PATIENCE_MS)).split(" ").map(Number);
      expect(pids.map(isRunning)).toEqual([true, true, true]);
      run.kill(signal);
      expect(await ended).toEqual([exitCode, null]);
      expect(pids.map(isRunning)).toEqual([false, false, false]);
      expect(existsSync(join(root, "followed"))).toBe(false);
      expect(output()).toContain(`stopped by ${signal}; run it again to continue`);
      expect(output()).not.toContain("all done");
    },
    3 * PATIENCE_MS,
  );

  it(
    "are over as well when only one of their programs is told to end",
    async () => {
      write("first.test.js", `test("ends", () => process.kill(process.pid, "SIGTERM"));`);
      write("second.test.js", DONE);
      const { run, output } = startRun();
      expect(await once(run, "close")).toEqual([143, null]);
      expect(existsSync(join(root, "followed"))).toBe(false);
      expect(output()).toContain("jest: stopped by a signal; the rest is skipped");
    },
    3 * PATIENCE_MS,
  );

  it(
    "follow one another whatever comes of them",
    async () => {
      write("first.test.js", `test("fails", () => expect(1).toBe(2));`);
      write("second.test.js", DONE);
      const { run, output } = startRun();
      expect(await once(run, "close")).toEqual([0, null]);
      expect(existsSync(join(root, "followed"))).toBe(true);
      expect(output()).toMatch(/== first\n[^]*== second\n[^]*all done\n$/);
    },
    3 * PATIENCE_MS,
  );
});

describe("runJest", () => {
  async function runHere(pattern: string): Promise<unknown> {
    const { run, output } = startScript(`
      import { runJest } from "${ROOT}scripts/stages.ts";
      const result = await runJest(${JSON.stringify(root)}, [${JSON.stringify(pattern)}]);
      console.log(JSON.stringify(result));`);
    await once(run, "close");
    // Jest has something to say before it where there is no test.
    return JSON.parse(output().trimEnd().split("\n").at(-1) ?? "");
  }

  it(
    "counts tests, and keeps the name, file and time of each",
    async () => {
      write(
        "deep/some.test.js",
        `describe("a", () => {
           test("b", () => {});
           test("c", () => expect(1).toBe(2));
           test.skip("d", () => {});
         });`,
      );
      const seconds = expect.any(Number) as unknown as number;
      const failure = expect.stringMatching(/Expected: .*2[^]*some.test.js:3/) as unknown as string;
      expect(await runHere("some")).toEqual({
        ...{ passed: 1, failed: 1, skipped: 1 },
        tests: [
          { name: "a b", file: "deep/some.test.js", seconds },
          { name: "a c", file: "deep/some.test.js", seconds, failure },
          { name: "a d", file: "deep/some.test.js", seconds: 0 },
        ],
      });
    },
    PATIENCE_MS,
  );

  it(
    "tells of a failure whose values hold themselves",
    async () => {
      write(
        "circle.test.js",
        `test("a", () => {
           const circle = { big: 1n };
           circle.self = circle;
           expect(circle).toEqual({});
         });
         test("b", () => {});`,
      );
      expect(await runHere("circle")).toMatchObject({
        ...{ passed: 1, failed: 1, skipped: 0 },
        tests: [{ name: "a", failure: expect.stringContaining("[Circular]") }, { name: "b" }],
      });
    },
    PATIENCE_MS,
  );

  it(
    "has a file that could not be loaded, with the reason",
    async () => {
      write("broken.test.js", `throw new Error("not today");`);
      const failure = expect.stringContaining("not today") as unknown as string;
      expect(await runHere("broken")).toEqual({
        ...{ passed: 0, failed: 1, skipped: 0 },
        tests: [{ name: "(the whole file)", file: "broken.test.js", seconds: 0, failure }],
      });
    },
    PATIENCE_MS,
  );

  it(
    "is one failure where there is no test",
    async () => {
      expect(await runHere("nowhere")).toEqual({ passed: 0, failed: 1, skipped: 0, tests: [] });
    },
    PATIENCE_MS,
  );
});
