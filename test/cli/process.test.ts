import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "@jest/globals";
import { isStopped } from "../../cli/process.ts";
import { capture, exitCodeOf } from "../../toolchain/run-command.ts";
import { collectCleanups } from "../support/cleanup.ts";
import { until } from "../support/until.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const atEnd = collectCleanups(afterEach);

describe("interruptible", () => {
  /** In a process of its own, as a signal would end jest. */
  function run(work: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const module = new URL("../../cli/process.ts", import.meta.url).href;
    const script = `import { interruptible } from "${module}"; ${work}`;
    const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
    return capture(process.execPath, args, { env: process.env });
  }

  it("aborts the work on a signal, with what to do next, and leaves the process alive", async () => {
    const result = await run(`
      const work = (signal) => new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, 20000);
        signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); });
        process.kill(process.pid, "SIGINT");
      });
      await interruptible(work).catch((error) => console.log(error.exitCode, error.message));`);
    expect(result).toEqual({
      code: 0,
      stdout: "130 stopped by SIGINT; run it again to continue\n",
      stderr: "",
    });
  });

  it("returns what the work returns", async () => {
    const result = await run("console.log(await interruptible(async () => 7));");
    expect(result.stdout).toBe("7\n");
  });
});

describe("exit codes", () => {
  it("are those of shells, and tell a program that was told to end from one that broke", () => {
    expect([exitCodeOf("SIGHUP"), exitCodeOf("SIGINT"), exitCodeOf("SIGTERM")]).toEqual([
      129, 130, 143,
    ]);
    expect([129, 130, 143].map(isStopped)).toEqual([true, true, true]);
    expect([0, 1, exitCodeOf("SIGKILL"), exitCodeOf("SIGSEGV")].map(isStopped)).toEqual(
      Array(4).fill(false),
    );
  });
});

describe("npm's commands", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("end on %s with what they run", async (signal) => {
    const script = `console.log("pid", process.pid); setInterval(() => {}, 1000);`;
    const command = ["run", "--silent", "exec", "--", "node", "-e", script];
    const npm = spawn("npm", command, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
    atEnd(() => npm.kill("SIGKILL"));
    const [line] = (await once(npm.stdout, "data")) as [Buffer];
    const pid = Number(/^pid (\d+)\n$/.exec(line.toString())?.[1]);
    const ended = once(npm, "exit");
    // npm's end alone would leave the output open.
    const closed = once(npm.stdout, "close");
    npm.kill(signal);
    expect(await ended).toEqual([exitCodeOf(signal), null]);
    await closed;
    // Until somebody has taken note of its end, there is something left of it.
    await until("the end of the program", () => !existsSync(`/proc/${pid}`));
  });

  it("take the place of the shell that npm starts, which would keep signals from them", () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as {
      scripts: Record<string, string>;
    };
    const commands = Object.values(scripts).filter((text) => /cli\/(run|plonk)\.js/.test(text));
    expect(commands.filter((text) => !text.startsWith("exec node "))).toEqual([]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["up", "down", "test", "check"]));
  });
});
