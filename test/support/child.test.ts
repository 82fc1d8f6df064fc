import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { collectCleanups } from "./cleanup.ts";
import { until } from "./until.ts";

const atEnd = collectCleanups(afterEach);

const module = (name: string): string => JSON.stringify(join(import.meta.dirname, name));

/** Starts both, tells their process ids, and waits for ever. */
const SCRIPT = `
  const { FakeKubernetes } = await import(${module("fake-kubernetes.ts")});
  const { GatewayProcess } = await import(${module("gateway-process.ts")});
  const { NatsServer } = await import(${module("nats.ts")});
  const fake = new FakeKubernetes();
  await (await fake.start()).close();
  const nats = await NatsServer.create();
  const gateway = await GatewayProcess.start(fake);
  console.log(JSON.stringify([nats.pid, gateway.child.pid]));
`;

function isRunning(pid: number): boolean {
  try {
    // A zombie has ended; only the machine's first process has not noticed yet.
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

async function readLine(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await until(
    "what the script has started",
    () => text.includes("\n") || child.exitCode !== null,
    110_000,
  );
  return text;
}

test("a gateway and a NATS server of the tests end with a parent that is killed", async () => {
  const args = ["--no-warnings", "--input-type=module", "-e", SCRIPT];
  const folder = mkdtempSync(join(tmpdir(), "plonk-children-"));
  atEnd(() => rmSync(folder, { recursive: true }));
  const env = { ...process.env, TMPDIR: folder };
  const parent = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  atEnd(() => parent.kill("SIGKILL"));
  const pids = JSON.parse(await readLine(parent)) as number[];
  expect(pids.map(isRunning)).toEqual([true, true]);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await until("its children to end", () => !pids.some(isRunning));
});
