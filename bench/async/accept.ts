/** How many calls a second the gateway accepts, beside those that JetStream takes by itself. */
import { join } from "node:path";
import { QUEUE, readFields, STREAM } from "../../contract/queue/index.ts";
import { measure, type WrkReport } from "../gateway/measure.ts";
import { rotate, toRatios } from "../gateway/statistics.ts";
import type { Bench } from "./bench.ts";
import { BODY_BYTES, laneOf } from "./filler.ts";
import { startRaw } from "./raw.ts";
import type { PublishTask } from "./raw-client.ts";
import { type Finding, toTable } from "./report.ts";
import { World } from "./world.ts";

const NAME = "accept";

/** Calls at once. */
const CONCURRENCY = [10, 50];

const SCRIPT = join(import.meta.dirname, "../gateway/upload.lua");

/** Runs it and prints its table. */
export async function benchAccept(bench: Bench): Promise<void> {
  // Nobody calls it.
  await World.with(bench, { [NAME]: 9 }, async (world) => {
    const raw = await startRaw(world, "gateway");
    const findings: Finding[] = [];
    for (const concurrency of CONCURRENCY) {
      findings.push(...(await compare({ bench, world, raw, concurrency })));
    }
    console.log(
      toTable(`accepted calls, bodies of ${BODY_BYTES} bytes, every one synced`, findings),
    );
  });
}

interface Setting {
  bench: Bench;
  world: World;
  raw: Awaited<ReturnType<typeof startRaw>>;
  concurrency: number;
}

async function compare(setting: Setting): Promise<Finding[]> {
  const { bench, world, raw, concurrency } = setting;
  await accept(setting, 1);
  const task = { ...(await readTask(world)), concurrency };
  const contestants: [number[], () => Promise<number>][] = [
    [[], () => accept(setting, bench.seconds)],
    [[], () => publish(setting, { ...task, seconds: bench.seconds })],
  ];
  await raw.run({ ...task, seconds: 1 });
  for (let round = 0; round < bench.rounds; round++) {
    bench.say(`accept, ${concurrency} at once: round ${round + 1} of ${bench.rounds}`);
    for (const [rates, run] of rotate(contestants, round)) {
      await world.purge();
      rates.push(await run());
    }
  }
  const [[own] = [[]], [base] = [[]]] = contestants;
  const what = `${concurrency} at once`;
  return [
    { what: `gateway, ${what}`, values: own, unit: "calls/s" },
    { what: `JetStream alone, ${what}`, values: base, unit: "calls/s" },
    { what: `ratio, ${what}`, values: toRatios(own, base), aim: { least: 0.7 } },
  ];
}

/** The message of a call that the gateway has stored: the other one stores the same. */
async function readTask(world: World): Promise<Omit<PublishTask, "concurrency" | "seconds">> {
  const subject = laneOf(NAME);
  const stored = await world.manager.streams.getMessage(STREAM.calls, { last_by_subj: subject });
  if (stored === null || readFields(stored.header).head["Plonk-Nonce"] === undefined) {
    throw new Error(`accept: expected a call in ${QUEUE.name}, got none`);
  }
  const fields = [...stored.header].flatMap(([name, values]) =>
    values.map((value): [string, string] => [name, value]),
  );
  const payload = Buffer.from(stored.data).toString("base64");
  return { kind: "publish", subject, fields, payload };
}

async function publish({ raw, world }: Setting, task: PublishTask): Promise<number> {
  const { calls, seconds } = await raw.run(task);
  await checkStored(world, calls, task.concurrency);
  return calls / seconds;
}

async function accept(setting: Setting, seconds: number): Promise<number> {
  const { bench, world, concurrency } = setting;
  await world.purge();
  const report: WrkReport = await measure({ ...bench, script: SCRIPT }, world.gateway, {
    path: `/async-function/${NAME}`,
    connections: concurrency,
    seconds,
    uploadBytes: BODY_BYTES,
  });
  if (report.errors > 0) {
    throw new Error(`accept: expected 202 of all calls, got ${report.errors} others`);
  }
  await checkStored(world, report.calls, concurrency);
  return report.callsPerSecond;
}

/** What was counted is stored, and of what was under way when a load ended so many more. */
async function checkStored(world: World, calls: number, more: number): Promise<void> {
  const stored = await world.left();
  if (stored < calls || stored > calls + more) {
    throw new Error(`accept: expected ${calls} to ${calls + more} stored calls, got ${stored}`);
  }
}
