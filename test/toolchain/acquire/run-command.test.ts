/** Programs that are run to their end. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { capture, runCommand } from "../../../toolchain/run-command.ts";
import { until } from "../../support/until.ts";

describe("a program", () => {
  test("gives its standard output, and its error lines as they come", async () => {
    const lines: string[] = [];
    const script = "echo out; echo one >&2; printf two >&2";
    const output = await runCommand("sh", ["-c", script], {
      onErrorLine: (line) => lines.push(line),
    });
    expect(output).toBe("out\n");
    expect(lines).toEqual(["one"]);
  });

  test("that fails is quoted with its last lines only", async () => {
    const script = "for i in $(seq 40); do echo line $i; done; exit 4";
    const failure = runCommand("sh", ["-c", script]);
    await expect(failure).rejects.toMatchObject({ name: "ProgramError", isMissing: false });
    const { message } = (await failure.catch((error: unknown) => error)) as Error;
    expect(message.split("\n")).toHaveLength(16);
    expect(message).toMatch(/^sh -c .*: failed with exit code 4\n {2}line 26\n.*\n {2}line 40$/s);
  });

  test("that is missing, or killed, is told apart", async () => {
    await expect(runCommand("plonk-no-such-program", [])).rejects.toMatchObject({
      message: "plonk-no-such-program: not found on PATH",
      isMissing: true,
    });
    await expect(runCommand("sh", ["-c", "kill -9 $$"])).rejects.toThrow("was ended by SIGKILL");
  });

  test("is stopped together with what it has started", async () => {
    const stop = new AbortController();
    const script = "sleep 601 & echo $! >&2; wait";
    let pid = 0;
    const running = runCommand("sh", ["-c", script], {
      signal: stop.signal,
      onErrorLine: (line) => {
        pid = Number(line);
        stop.abort(new Error("stopped"));
      },
    });
    await expect(running).rejects.toThrow("stopped");
    expect(pid).toBeGreaterThan(0);
    // One that has ended may stay as a zombie where nobody collects the children of others.
    await until("its child to end", async () => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "gone) Z");
      return stat.includes(") Z");
    });
  });

  test("of which any end counts gives its exit code, as shells have it, and what it wrote", async () => {
    const script = "cat; echo oops >&2; exit 3";
    expect(await capture("sh", ["-c", script], { input: "hello" })).toEqual({
      code: 3,
      stdout: "hello",
      stderr: "oops\n",
    });
    expect(await capture("sh", ["-c", "kill -TERM $$"])).toMatchObject({
      code: 143,
      endedBy: "SIGTERM",
    });
  });

  test("does not start when it is stopped before", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(async () => await runCommand("true", [], { signal })).rejects.toThrow("too late");
  });
});
