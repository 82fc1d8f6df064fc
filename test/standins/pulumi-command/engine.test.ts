/** `command:local:*` through the real engine: what is run when, what is shown, what is kept. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { createEngine, type Engine, type RunResult } from "../../support/pulumi.ts";
import { until, untilWritten } from "../../support/until.ts";

/** One project for all tests: each program's resources replace those of the program before it. */
let engine: Engine;

/** The engine alone takes a second or two for each operation, and more on a busy machine. */
const TIMEOUT_MS = 600_000;

beforeAll(async () => {
  engine = await createEngine({ plugins: ["command"] });
}, TIMEOUT_MS);

afterAll(() => engine.remove());

function program(...lines: string[]): Promise<void> {
  const header = `import * as pulumi from "@pulumi/pulumi";
    import { local, remote } from "@pulumi/command";`;
  return engine.program([header, ...lines].join("\n"));
}

function read(file: string): string {
  return readFileSync(join(engine.directory, file), "utf8");
}

function stepsOf(result: RunResult): Record<string, string> {
  const commands = result.steps.filter((step) => step.type === "command:local:Command");
  return Object.fromEntries(commands.map((step) => [step.name, step.op]));
}

/** Lines of one severity on each resource. */
function shown(result: RunResult, severity: string): Record<string, string[]> {
  const lines: Record<string, string[]> = {};
  for (const { urn, message, ...line } of result.diagnostics) {
    const name = urn.split("::").at(-1) ?? "";
    if (line.severity === severity && urn.includes("command:")) {
      (lines[name] ??= []).push(message);
    }
  }
  return lines;
}

/** Whether a process of the group is there and has not ended. */
function isRunning(group: number): boolean {
  const listed = execFileSync("ps", ["-eo", "pgid,stat"], { encoding: "utf8" }).split("\n");
  return listed.some((line) => {
    const [pgid, state = ""] = line.trim().split(/\s+/);
    return pgid === String(group) && !state.startsWith("Z");
  });
}

it(
  "runs commands at the moments that the documentation of local.Command names",
  async () => {
    const declare = (word: string) =>
      program(
        `const c = new local.Command("all", {`,
        `  create: "echo create $WORD in $(pwd) | tee -a log",`,
        `  update: "echo update $WORD after $PULUMI_COMMAND_STDOUT | tee -a log",`,
        `  delete: "echo delete after $PULUMI_COMMAND_STDOUT >> log",`,
        `  environment: { WORD: "${word}" },`,
        `});`,
        `new local.Command("again", { create: "echo ${word} >> again" });`,
        `new local.Command("order", {`,
        `  create: "echo create >> order", delete: "echo delete >> order",`,
        `  triggers: ["a", { word: "${word}" }],`,
        `});`,
        `const none = new local.Command("none", { triggers: [1] });`,
        `const node = new local.Command("node", {`,
        `  create: "process.stdin.pipe(process.stdout)", interpreter: ["node", "-e"], stdin: "in",`,
        `});`,
        `const run = local.runOutput({ command: "echo ran >> runs; cat", stdin: "in" });`,
        `export const stdout = [c.stdout, none.stdout, node.stdout, run.stdout];`,
      );
    await declare("one");
    expect(Object.values(stepsOf(await engine.preview()))).toEqual(Array(5).fill("create"));
    expect(existsSync(join(engine.directory, "log"))).toBe(false);
    expect(read("runs")).toBe("ran\n");

    expect((await engine.up()).code).toBe(0);
    const first = `create one in ${engine.directory}`;
    expect(await engine.outputs()).toEqual({ stdout: [first, "", "in", "in"] });
    expect((await engine.preview()).changes).toEqual({ same: 6 });
    expect((await engine.refresh()).changes).toEqual({ same: 6 });

    await declare("two");
    const changed = await engine.up();
    expect(stepsOf(changed)).toEqual({
      all: "update",
      again: "update",
      order: "delete-replaced",
      none: "same",
      node: "same",
    });
    const { diff } = changed.steps.find((step) => step.name === "all") ?? {};
    expect(diff).toEqual({ "environment.WORD": "update" });
    const second = `update two after ${first}`;
    expect(await engine.outputs()).toEqual({ stdout: [second, "", "in", "in"] });
    expect(read("again")).toBe("one\ntwo\n");
    expect(read("order")).toBe("create\ncreate\ndelete\n");

    expect((await engine.destroy()).code).toBe(0);
    expect(read("log")).toBe(`${first}\n${second}\ndelete after ${second}\n`);
  },
  TIMEOUT_MS,
);

it(
  "shows the streams that logging names, and no secret anywhere",
  async () => {
    await program(
      `for (const logging of ["stdout", "stderr", "none"] as const) {`,
      `  new local.Command(logging, { create: "echo out; echo err >&2", logging });`,
      `}`,
      `const both = new local.Command("both", {`,
      `  create: "echo say $WORD; sleep 0.2; cat >&2",`,
      `  environment: { WORD: pulumi.secret("hunter2-env") }, stdin: pulumi.secret("hunter2-in"),`,
      `});`,
      `export const stdout = both.stdout;`,
    );
    const result = await engine.up();
    const { both = [], ...single } = shown(result, "info");
    expect(single).toEqual({ stdout: ["out"], stderr: ["err"] });
    // The engine is told of each line by a call of its own, and they may overtake each other.
    expect(both.sort()).toEqual(["[secret]", "say [secret]"]);
    expect(result.output).not.toContain("hunter2");
    expect(await engine.state()).not.toContain("hunter2");
    expect(await engine.outputs()).toEqual({ stdout: "say hunter2-env" });
    expect((await engine.preview()).changes).toEqual({ same: 5 });
  },
  TIMEOUT_MS,
);

it(
  "fails the resource with what the command said, and keeps what was there before",
  async () => {
    await program(`new local.Command("kept", { create: "true", delete: "test -e may-go" });`);
    expect((await engine.up()).code).toBe(0);
    await program(
      `new local.Command("kept", { create: "exit 5", delete: "test -e may-go" });`,
      `new local.Command("new", { create: "echo out; echo no such thing >&2; exit 7" });`,
      `new local.Command("slow", { create: "sleep 613" }, { customTimeouts: { create: "1s" } });`,
      `new local.Command("hidden", {`,
      `  create: pulumi.secret("echo $WORD; exit 3"),`,
      `  environment: { WORD: pulumi.secret("hunter2") },`,
      `});`,
    );
    const result = await engine.up({ args: ["--continue-on-error"] });
    expect(result.code).not.toBe(0);
    expect(shown(result, "error")).toEqual({
      kept: ['exit status 5: running "exit 5":'],
      new: [
        'exit status 7: running "echo out; echo no such thing >&2; exit 7":\nout\nno such thing',
      ],
      slow: ["the command was stopped: it took longer than the resource's customTimeouts"],
      hidden: ["exit status 3: running [secret]:\n[secret]"],
    });
    const state = await engine.state();
    expect(state).toContain('"create":"true"');
    expect(state).not.toMatch(/::(new|slow|hidden)"/);

    await program();
    expect((await engine.up()).output).toContain('exit status 1: running "test -e may-go":');
    expect(await engine.state()).toContain('::kept"');
    await program(`new local.Command("kept", { create: "touch may-go", delete: "true" });`);
    expect((await engine.up()).code).toBe(0);
  },
  TIMEOUT_MS,
);

it(
  "refuses in preview what it does not cover, by name",
  async () => {
    await program(
      `const connection = { host: "192.0.2.1" };`,
      `new remote.CopyFile("r", { connection, localPath: "a", remotePath: "b" });`,
    );
    const { code, output } = await engine.preview();
    expect(code).not.toBe(0);
    expect(output).toContain(
      "command:remote:CopyFile: is deprecated, use command:remote:CopyToRemote instead; " +
        "this plugin covers command:local:Command, command:remote:Command, " +
        "command:remote:CopyToRemote and command:local:run",
    );
  },
  TIMEOUT_MS,
);

it(
  "stops a command and all that it started when the person stops the engine",
  async () => {
    await program(
      `new local.Command("c", { create: "echo $$ > pid; sleep 611 & sleep 612; touch late" });`,
    );
    const abort = new AbortController();
    const running = engine.up({ signal: abort.signal });
    const group = Number(await untilWritten(join(engine.directory, "pid"), TIMEOUT_MS));
    abort.abort();
    const result = await running;
    expect(result.code).not.toBe(0);
    expect(shown(result, "error")).toEqual({ c: ["the command was stopped: cancelled"] });
    await until("the end of the command", () => !isRunning(group));
    expect(existsSync(join(engine.directory, "late"))).toBe(false);
  },
  TIMEOUT_MS,
);
