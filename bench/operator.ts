/**
 * `npm run bench -- operator [--functions 5000] [--profile]`: the operator beside a real API
 * server: until all is made of thousands of Functions, what a reconciliation costs that changes
 * nothing, and its memory; the same after a restart; and when their load scales all of them.
 * `--profile` writes where the time goes of reconciliations that change nothing.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Profile } from "../components/kubernetes/settings.ts";
import { OPERATOR_SIZES } from "../components/operator/operator.ts";
import { quantileMs, type Reconciles, subtract } from "./operator/histogram.ts";
import { OperatorProcess } from "./operator/process.ts";
import { World } from "./operator/world.ts";
import { readOptions } from "./options.ts";

const { limitMiB } = OPERATOR_SIZES[Profile.Standard];
const WITHIN_LIMIT = `<= ${limitMiB}`;

/** How long nothing has to happen until all is done, milliseconds. */
const QUIET_MS = 5000;

/** How long the looks of the autoscaler are watched, milliseconds. */
const LOOKS_MS = 60_000;

interface Bench {
  world: World;
  functions: number;
  profile: boolean;
  folder: string;
}

/** Runs the benchmark and prints its tables. */
export async function benchOperator(args: readonly string[]): Promise<void> {
  const { functions, profile } = readOptions(args, { functions: 5000, profile: false });
  const folder = await mkdtemp(join(tmpdir(), "plonk-bench-operator-"));
  console.log(`${functions} functions; the operator's limit is ${limitMiB} MiB`);
  try {
    await World.with(functions, (world) => measureAll({ world, functions, profile, folder }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureAll(bench: Bench): Promise<void> {
  await withOperator(bench, async (operator) => {
    await measureStart(bench, operator);
    await measureNothing(bench, operator, "no change");
    await reportRest(operator, "after the first start");
  });
  await withOperator(bench, async (operator) => {
    await measureRestart(bench, operator, "restart");
    await measureNothing(bench, operator, "no change, after a restart");
    await reportRest(operator, "after a restart");
    await bench.world.scaleAll();
    await untilQuiet(operator);
  });
  await withOperator(bench, async (operator) => {
    await measureRestart(bench, operator, "restart, scaled by load");
    await measureLooks(operator);
    await reportRest(operator, "scaled by load");
  });
}

async function withOperator(
  { world, folder }: Bench,
  use: (operator: OperatorProcess) => Promise<void>,
): Promise<void> {
  const { kubeconfigPath, gateways } = world;
  const operator = await OperatorProcess.start({ kubeconfigPath, gateways, limitMiB, folder });
  try {
    await use(operator);
  } finally {
    await operator.stop();
  }
}

/** Until all is made, and until all functions are ready. */
async function measureStart({ world, functions }: Bench, operator: OperatorProcess): Promise<void> {
  const since = (): number => (performance.now() - operator.startedAt) / 1000;
  await world.untilApplied();
  const seconds = since();
  const { count } = await operator.readReconciles("function");
  report("start until each has Deployment, Service and status", seconds, ["s"]);
  report("functions a second", functions / seconds, ["/s"]);
  report(`reconciliations a second, of ${count}`, count / seconds, ["/s"]);
  report("processor time of the operator a function", cpuMs(operator, functions), ["ms"]);
  report("anonymous memory at most until then", operator.peakMiB, ["MiB", WITHIN_LIMIT]);
  world.kubelet.switchOn();
  await world.untilReady();
  await untilQuiet(operator);
  report("anonymous memory at most until all are ready", operator.peakMiB, ["MiB", WITHIN_LIMIT]);
}

function cpuMs(operator: OperatorProcess, functions: number): number {
  return (operator.cpuSeconds * 1000) / functions;
}

/** A new process has applied nothing yet: it sends all once. */
async function measureRestart(
  { functions }: Bench,
  operator: OperatorProcess,
  what: string,
): Promise<void> {
  let reconciles: Reconciles;
  do {
    await sleep(50);
    const isUp = await operator.isUp();
    reconciles = isUp ? await operator.readReconciles("function") : NOTHING;
  } while (reconciles.count < functions || reconciles.depth > 0);
  const seconds = (performance.now() - operator.startedAt) / 1000;
  report(`${what} until each was applied again`, seconds, ["s"]);
  report("functions a second", functions / seconds, ["/s"]);
  report("processor time of the operator a function", cpuMs(operator, functions), ["ms"]);
  await untilQuiet(operator);
  report("anonymous memory at most", operator.peakMiB, ["MiB", WITHIN_LIMIT]);
}

const NOTHING: Reconciles = { count: 0, seconds: 0, buckets: [], depth: 0 };

/** Touches each Function, which is one reconciliation of each. */
async function measureNothing(
  { world, functions, profile }: Bench,
  operator: OperatorProcess,
  what: string,
): Promise<void> {
  const before = await operator.readReconciles("function");
  const inspector = profile ? await operator.inspect() : undefined;
  await inspector?.startProfile();
  const cpu = operator.cpuSeconds;
  await world.touchAll(what);
  await untilQuiet(operator);
  const cpuUsed = operator.cpuSeconds - cpu;
  const file = join(tmpdir(), `plonk-operator-${Date.now()}.cpuprofile`);
  await inspector?.writeProfile(file);
  const made = subtract(await operator.readReconciles("function"), before);
  report(`${what}: mean of ${made.count}`, (made.seconds / made.count) * 1000, ["ms", "<= 1"]);
  report(`${what}: p50`, quantileMs(made, 0.5), ["ms"]);
  report(`${what}: p99`, quantileMs(made, 0.99), ["ms"]);
  report(`${what}: processor time, with the watch`, (cpuUsed * 1000) / functions, ["ms"]);
  if (profile) {
    console.log(`profile: ${file}`);
  }
}

async function measureLooks(operator: OperatorProcess): Promise<void> {
  operator.forgetPeak();
  const [before, cpu] = [await operator.readReconciles("autoscaler"), operator.cpuSeconds];
  await sleep(LOOKS_MS);
  const made = subtract(await operator.readReconciles("autoscaler"), before);
  const share = (100_000 * (operator.cpuSeconds - cpu)) / LOOKS_MS;
  report(`look at all: mean of ${made.count}`, (made.seconds / made.count) * 1000, ["ms"]);
  report("look at all: p99", quantileMs(made, 0.99), ["ms"]);
  report("processor time with looks alone", share, ["% of a core"]);
  report("anonymous memory at most with looks alone", operator.peakMiB, ["MiB", WITHIN_LIMIT]);
}

/** Resolves when nothing was reconciled for a while. */
async function untilQuiet(operator: OperatorProcess): Promise<void> {
  let count = -1;
  let since = performance.now();
  while (performance.now() - since < QUIET_MS) {
    const { count: now, depth } = await operator.readReconciles("function");
    if (now !== count || depth > 0) {
      count = now;
      since = performance.now();
    }
    await sleep(200);
  }
}

async function reportRest(operator: OperatorProcess, when: string): Promise<void> {
  report(`at rest, ${when}: PSS`, operator.pssMiB, ["MiB", WITHIN_LIMIT]);
  report(`at rest, ${when}: anonymous`, operator.anonymousMiB, ["MiB", WITHIN_LIMIT]);
  report(`at rest, ${when}: heap in use`, await operator.readHeapMiB(), ["MiB"]);
}

function report(what: string, value: number, [unit, aim = ""]: [unit: string, aim?: string]): void {
  const figure = `${value.toFixed(2).padStart(10)} ${unit}`;
  console.log(`${what.padEnd(58)} ${figure.padEnd(22)}${aim === "" ? "" : `aim ${aim}`}`.trimEnd());
}
