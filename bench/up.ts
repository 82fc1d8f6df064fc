/**
 * `npm run bench -- up [--warm]`: from nothing to the first answered call, cold and warm, then the
 * no-change run, edit-to-live and the memory table, all from one run. `--warm` leaves out the cold
 * start, which compiles the toolchain where downloads are refused.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FreshClone } from "../test/support/clone.ts";
import { until } from "../test/support/until.ts";
import { type Pod, readMemory } from "./memory.ts";
import { readOptions } from "./options.ts";

const CLUSTER = "bench";
const gateway = "http://198.18.88.11:31112";

function since(begin: number): number {
  return (Date.now() - begin) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function report(what: string, seconds: number, aim: string): void {
  console.log(`${what.padEnd(58)} ${seconds.toFixed(1).padStart(8)} s   aim ${aim}`);
}

/** Waits until the function answers with a text; a call that fails is tried again. */
async function waitForAnswer(text: string): Promise<void> {
  const deadline = Date.now() + 1_800_000;
  while (Date.now() < deadline) {
    const signal = AbortSignal.timeout(2_000); // a request during the start may be lost
    const answer = await fetch(`${gateway}/function/hello`, {
      method: "POST",
      body: "world",
      signal,
    })
      .then((response) => response.text())
      .catch(() => "");
    if (answer === text) {
      return;
    }
    await sleep(220); // fewer than the five calls a second that scale a function up
  }
  throw new Error(`expected ${gateway} to answer ${text}`);
}

async function must(
  what: string,
  run: Promise<{ code: number | null; output: string }>,
): Promise<void> {
  const { code, output } = await run;
  if (code !== 0) {
    throw new Error(`${what}: exit ${code ?? "signal"}\n${output.slice(-3000)}`);
  }
}

/** One `up` from nothing; the time counts until the first answered call. */
async function timeFirstAnswer(clone: FreshClone): Promise<number> {
  const begin = Date.now();
  const [seconds] = await Promise.all([
    waitForAnswer("hello world").then(() => since(begin)),
    must("up", clone.up()),
  ]);
  return seconds;
}

function readPods(clone: FreshClone): Map<string, Pod> {
  const folder = join(clone.home, "clusters", CLUSTER);
  const output = execFileSync(
    "sh",
    [join(folder, "kubectl.sh"), "get", "pods", "-A", "-o", "json"],
    { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  const list = JSON.parse(output) as {
    items: { metadata: Pod & { uid: string } }[];
  };
  return new Map(list.items.map(({ metadata }) => [metadata.uid, metadata]));
}

/** Waits until the pods that the last updates replaced have ended. */
async function waitForEnds(clone: FreshClone): Promise<void> {
  const haveEnded = (): boolean =>
    [...readPods(clone).values()].every((pod) => pod.deletionTimestamp === undefined);
  await until("the pods that were replaced to end", haveEnded, 120_000);
}

function printMemory(clone: FreshClone): void {
  const rows = readMemory(join(clone.home, "clusters", CLUSTER), readPods(clone));
  console.log("\n| group | process | PSS, MiB |\n| --- | --- | --- |");
  for (const row of rows) {
    console.log(`| ${row.group} | ${row.name} | ${row.pssMiB.toFixed(1)} |`);
  }
  const sum = rows.reduce((total, row) => total + row.pssMiB, 0);
  console.log(`| all | | ${sum.toFixed(0)} (aim: 860) |`);
}

async function measureRunning(clone: FreshClone): Promise<void> {
  const runs: number[] = [];
  for (let run = 0; run < 3; run += 1) {
    const begin = Date.now();
    await must("pulumi up", clone.plainPulumi("up", "-s", "local", "--yes", "--skip-preview"));
    runs.push(since(begin));
  }
  report("no-change `pulumi up`, median of 3", median(runs), "5 s");
  const edits: number[] = [];
  for (const greeting of ["good day ", "good evening ", "hello "]) {
    const previous = ["hello ", "good day ", "good evening "][edits.length] ?? "";
    clone.edit("examples/hello.ts", previous, greeting);
    const begin = Date.now();
    const live = waitForAnswer(`${greeting}world`).then(() => since(begin));
    await must("pulumi up", clone.plainPulumi("up", "-s", "local", "--yes", "--skip-preview"));
    edits.push(await live);
  }
  report("edited handler to live answer, median of 3", median(edits), "5 s");
}

export async function benchUp(args: readonly string[]): Promise<void> {
  const { warm } = readOptions(args, { warm: false });
  const clone = new FreshClone(CLUSTER, "198.18.88.0/24");
  const cache = mkdtempSync(join(tmpdir(), "plonk-bench-cache-"));
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  console.log(
    `${new Date().toISOString()}, ${cpus().length} cores (${cpus()[0]?.model ?? "?"}), ${memory} GiB, Linux ${release()}\n`,
  );
  try {
    if (!warm) {
      process.env["PLONK_CACHE"] = cache;
      report(
        "cold: clone to first answered call, empty cache",
        await timeFirstAnswer(clone),
        "1800 s",
      );
      await must("down", clone.run("down"));
    }
    await must("npm install", clone.run("exec", "true"));
    report("warm: nothing to first answered call", await timeFirstAnswer(clone), "45 s");
    await measureRunning(clone);
    await waitForEnds(clone);
    printMemory(clone);
  } finally {
    await clone.remove();
    rmSync(cache, { recursive: true, force: true });
  }
}
