/** Running one command, without an engine: streams, secrets, failures and being stopped. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { toLocalEnvironment } from "../../../standins/pulumi-command/inputs.ts";
import { type Run, runCommand } from "../../../standins/pulumi-command/run.ts";
import { until } from "../../support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-command-"));

afterAll(() => rmSync(folder, { recursive: true }));

function toRun(command: string, overrides: Partial<Run> = {}): Run {
  return {
    ...toLocalEnvironment({}),
    command,
    isCommandSecret: false,
    previous: undefined,
    signal: new AbortController().signal,
    onLine: () => undefined,
    ...overrides,
  };
}

async function linesOf(command: string, overrides: Partial<Run> = {}): Promise<string[]> {
  const lines: string[] = [];
  await runCommand(toRun(command, { ...overrides, onLine: (line) => lines.push(line) }));
  return lines;
}

describe("output", () => {
  it("loses one newline at its end and nothing else", async () => {
    expect(await runCommand(toRun("printf 'a\\nb\\n\\n'; printf ' é ' >&2"))).toEqual({
      stdout: "a\nb\n",
      stderr: " é ",
    });
  });

  it("is handed over whole, however long it is", async () => {
    const { stdout } = await runCommand(toRun("head -c 3000000 /dev/zero | tr '\\0' x"));
    expect(stdout).toHaveLength(3_000_000);
  });

  it("comes line by line while the command runs, the last one without newline too", async () => {
    const file = join(folder, "seen");
    const lines: string[] = [];
    const onLine = (line: string): void => {
      lines.push(line);
      // The command goes on when its first line is here.
      writeFileSync(file, "");
    };
    const command = `echo a; until [ -e ${file} ]; do sleep 0.01; done; printf b`;
    await runCommand(toRun(command, { onLine }));
    expect(lines).toEqual(["a", "b"]);
  });

  it("hides every line of a secret, and not what is too short to be one", async () => {
    const secrets = ["first line\nsecond", "ab", "second and more"];
    const command = "echo '1 first line'; echo 'second and more'; echo 'second'; echo about";
    expect(await linesOf(command, { secrets })).toEqual([
      "1 [secret]",
      "[secret]",
      "[secret]",
      "about",
    ]);
  });
});

describe("the command's environment", () => {
  it("hold the last output unless that is switched off", async () => {
    const previous = { stdout: "out", stderr: "err" };
    const command = "echo $PULUMI_COMMAND_STDOUT-$PULUMI_COMMAND_STDERR";
    expect((await runCommand(toRun(command, { previous }))).stdout).toBe("out-err");
    const off = { previous, addPreviousOutputInEnv: false };
    expect((await runCommand(toRun(command, off))).stdout).toBe("-");
  });

  it("may hold standard input that nobody reads", async () => {
    const stdin = "x".repeat(1_000_000);
    expect((await runCommand(toRun("exec true", { stdin }))).stdout).toBe("");
  });
});

describe("a failure", () => {
  it.each<[string, Partial<Run>, string]>([
    ["exit 3", {}, 'exit status 3: running "exit 3":'],
    [
      "echo out; echo err >&2; exit 1",
      {},
      'exit status 1: running "echo out; echo err >&2; exit 1":\nout\nerr',
    ],
    ["kill -9 $$", {}, 'signal: SIGKILL: running "kill -9 $$":'],
    ["exit 3", { isCommandSecret: true }, "exit status 3: running [secret]:"],
    ["true", { dir: "/no/such/place" }, 'dir: expected a directory, got "/no/such/place"'],
    ["true", { interpreter: ["no-such-program"] }, 'spawn no-such-program ENOENT: running "true":'],
  ])("of %j %j is told", async (command, overrides, message) => {
    await expect(runCommand(toRun(command, overrides))).rejects.toThrow(new Error(message));
  });

  it("carries only the end of a long output", async () => {
    const failed = runCommand(toRun("seq 100000; exit 1"));
    await expect(failed).rejects.toThrow(/^exit status 1: running "seq 100000; exit 1":\n\.\.\.\d/);
    await expect(failed).rejects.toMatchObject({ message: expect.stringMatching(/\n100000$/) });
    await expect(
      failed.catch((error: unknown) => (error as Error).message.length),
    ).resolves.toBeLessThan(17_000);
  });
});

describe("stopping", () => {
  it("ends the command and what it started, kindly first", async () => {
    const file = join(folder, "ended");
    const abort = new AbortController();
    const command = `trap 'echo asked > ${file}; exit 0' TERM; sleep 601 & echo $! > ${file}.pid; echo on; wait`;
    const onLine = (): void => abort.abort(new Error("cancelled"));
    const running = runCommand(toRun(command, { signal: abort.signal, onLine }));
    await expect(running).rejects.toThrow("the command was stopped: cancelled");
    expect(readFileSync(file, "utf8")).toBe("asked\n");
    const child = readFileSync(`${file}.pid`, "utf8").trim();
    const state = (): string => {
      try {
        return readFileSync(`/proc/${child}/stat`, "utf8").split(" ")[2] ?? "";
      } catch {
        return "gone";
      }
    };
    // A signal is sent at once, and acted upon when the process gets its turn.
    await until("the child to end", () => ["Z", "gone"].includes(state()));
  });

  it("kills a command that does not listen", async () => {
    const running = runCommand(
      toRun("trap '' TERM; sleep 602 & wait; sleep 603", { signal: AbortSignal.timeout(200) }),
    );
    await expect(running).rejects.toThrow(
      "the command was stopped: it took longer than the resource's customTimeouts",
    );
  });

  it("does not begin what is cancelled already", async () => {
    const signal = AbortSignal.abort(new Error("cancelled"));
    const file = join(folder, "begun");
    await expect(runCommand(toRun(`touch ${file}`, { signal }))).rejects.toThrow("cancelled");
    expect(() => readFileSync(file)).toThrow("ENOENT");
  });
});
