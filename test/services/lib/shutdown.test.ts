/** The end of a process, in a process of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "@jest/globals";

const LIB = new URL("../../../services/lib/", import.meta.url).href;

const PROGRAM = `
import { Health } from "${LIB}health.ts";
import { createLogger } from "${LIB}logger.ts";
import { installShutdown } from "${LIB}shutdown.ts";
const health = new Health();
installShutdown({
  logger: createLogger({ name: "t" }), health, settleMs: 50,
  graceMs: () => ({ hang: 300, term: 60_000 })[process.argv[1]] ?? 1000 * 3_600_000,
  close: async () => {
    console.log("closing", health.problems().join());
    if (process.argv[1].startsWith("hang")) await new Promise(() => {});
  },
});
setInterval(() => {}, 1000);
if (process.argv[1].endsWith("crash")) setTimeout(() => { throw new Error("boom"); }, 10);
console.log("up");
`;

async function run(how: string): Promise<{ code: number | null; output: string }> {
  const args = ["--input-type=module", "-e", PROGRAM, how];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    if (!how.endsWith("crash") && output.includes("up\n") && !child.killed) {
      child.kill("SIGTERM");
    }
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

describe("installShutdown", () => {
  test("is not ready, then closes, then ends with 0 on SIGTERM", async () => {
    const { code, output } = await run("term");
    expect(code).toBe(0);
    expect(output).toContain("closing shutdown: in progress");
    expect(output).toContain('"msg":"shut down"');
  });

  test("waits as long as it may, also where no timer counts that far", async () => {
    const { code, output } = await run("patient");
    expect(code).toBe(0);
    expect(output).toContain('"msg":"shut down"');
  });

  test("closes and ends with 1 after a fatal error, which it logs", async () => {
    const { code, output } = await run("crash");
    expect(code).toBe(1);
    expect(output).toContain('"level":"fatal"');
    expect(output).toContain("boom");
    expect(output).toContain("closing");
  });

  test("ends with 1 when closing takes too long", async () => {
    const { code, output } = await run("hang");
    expect(code).toBe(1);
    expect(output).toContain('"msg":"not shut down in time"');
  });

  test("does not wait for what is in flight for long after a fatal error", async () => {
    const { code, output } = await run("hang at a crash");
    expect(code).toBe(1);
    expect(output).toContain('"limitMs":5000');
  });
});
