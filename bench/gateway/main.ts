/**
 * `npm run bench -- gateway`: the gateway against other proxies, in interleaved rounds.
 * Each proxy has one core for itself while it is measured; load generator and function share
 * another one.
 */
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { type OpenLoopReport, runOpenLoop } from "./constant-load.ts";
import { type ContestantName, startContestant, UPGRADING } from "./contestants.ts";
import { measure, type Measurement } from "./measure.ts";
import type { Program } from "./program.ts";
import { type SettingResult, toAddedTable, toMemoryTable, toSettingTable } from "./report.ts";
import {
  type BenchOptions,
  CONSTANT_LOAD,
  DOWNLOADS,
  LOAD_CORE,
  type Part,
  PROXY_CORE,
  readBenchOptions,
  type Setting,
  STREAMS,
  UPGRADES,
  UPLOADS,
} from "./settings.ts";
import { rotate } from "./statistics.ts";
import { prepareTools, type Tools } from "./tools.ts";
import { startFixedUpstream, startReadingUpstream } from "./upstream.ts";

/** Warm-up for just-in-time compilers, seconds. */
const WARM_UP_SECONDS = 3;

interface Bench extends BenchOptions {
  tools: Tools;
  script: string;
  signal: AbortSignal;
  /** When it began, `performance.now()`. */
  begin: number;
}

type Proxies = ReadonlyMap<ContestantName, Program>;

function say({ begin }: Bench, text: string): void {
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  console.error(`${seconds.padStart(4)} s  ${text}`);
}

function describeMachine({ rounds, seconds }: BenchOptions): string {
  const [first] = cpus();
  const memory = (totalmem() / 2 ** 30).toFixed(0);
  return (
    `${new Date().toISOString()}, ${cpus().length} cores (${first?.model ?? "?"}), ${memory} GiB, ` +
    `Linux ${release()}, Node ${process.versions.node}; ${rounds} rounds of ${seconds} s each; ` +
    "median (smallest..largest of the rounds); * not limited by its own core"
  );
}

/** @param slice - a setting, and how long it is measured */
function load(
  bench: Bench,
  program: Program,
  slice: Setting & { seconds: number },
): Promise<Measurement> {
  return measure(bench, program, { ...slice, core: LOAD_CORE });
}

/** Calls `run` with all proxies in front of a function, and always stops them. */
async function withProxies<T>(
  bench: Bench,
  upstream: Program,
  run: (proxies: Proxies) => Promise<T>,
): Promise<T> {
  const proxies = new Map<ContestantName, Program>();
  try {
    for (const name of bench.contestants) {
      bench.signal.throwIfAborted();
      say(bench, `starting ${name}`);
      const options = { upstreamPort: upstream.port, core: PROXY_CORE };
      proxies.set(name, await startContestant(name, options));
    }
    return await run(proxies);
  } finally {
    await Promise.all([...proxies.values(), upstream].map((program) => program.stop()));
  }
}

async function runSetting(
  bench: Bench,
  setting: Setting,
  { upstream, proxies }: { upstream: Program; proxies: Proxies },
): Promise<SettingResult> {
  const slice = { ...setting, seconds: bench.seconds };
  const direct = await load(bench, upstream, slice);
  const rounds = new Map<ContestantName, Measurement[]>(
    [...proxies.keys()].map((name) => [name, []]),
  );
  for (let round = 0; round < bench.rounds; round++) {
    say(bench, `${setting.title}: round ${round + 1} of ${bench.rounds}`);
    for (const [name, program] of rotate([...proxies], round)) {
      rounds.get(name)?.push(await load(bench, program, slice));
    }
  }
  return { title: setting.title, direct: direct.callsPerSecond, rounds };
}

async function runSettings(
  bench: Bench,
  upstream: Program,
  settings: readonly Setting[],
): Promise<SettingResult[]> {
  return withProxies(bench, upstream, async (proxies) => {
    say(bench, "warming up");
    for (const program of proxies.values()) {
      for (const setting of settings.filter(({ connections }) => connections === 50)) {
        await load(bench, program, { ...setting, seconds: WARM_UP_SECONDS });
      }
    }
    const results: SettingResult[] = [];
    for (const setting of settings) {
      const result = await runSetting(bench, setting, { upstream, proxies });
      console.log(toSettingTable(result));
      results.push(result);
    }
    return results;
  });
}

async function runConstantLoad(bench: Bench, upstream: Program): Promise<void> {
  await withProxies(bench, upstream, async (proxies) => {
    const call = (port: number, seconds: number): Promise<OpenLoopReport> =>
      runOpenLoop(bench.tools, {
        url: `http://127.0.0.1:${port}${CONSTANT_LOAD.path}`,
        callsPerSecond: CONSTANT_LOAD.callsPerSecond,
        seconds,
        core: LOAD_CORE,
        signal: bench.signal,
      });
    for (const { port } of proxies.values()) {
      await call(port, WARM_UP_SECONDS);
    }
    const direct: OpenLoopReport[] = [];
    const through = new Map<ContestantName, OpenLoopReport[]>(
      [...proxies.keys()].map((name) => [name, []]),
    );
    for (let round = 0; round < bench.rounds; round++) {
      say(bench, `constant load: round ${round + 1} of ${bench.rounds}`);
      direct.push(await call(upstream.port, bench.seconds));
      for (const [name, { port }] of rotate([...proxies], round)) {
        through.get(name)?.push(await call(port, bench.seconds));
      }
    }
    console.log(toAddedTable(direct, through));
  });
}

/** Runs the benchmark; see `readBenchOptions` for its command line. */
export async function benchGateway(args: readonly string[]): Promise<void> {
  const options = readBenchOptions(args);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  const bench: Bench = {
    ...options,
    tools: await prepareTools((message) => console.error(message)),
    script: join(import.meta.dirname, "upload.lua"),
    signal: stop.signal,
    begin: performance.now(),
  };
  console.log(describeMachine(options));
  for (const part of options.parts) {
    await RUN[part](bench);
  }
  say(bench, "done");
}

/** How each part is measured. */
const RUN: Readonly<Record<Part, (bench: Bench) => Promise<void>>> = {
  answers: async (bench) => {
    const upstream = await startFixedUpstream(bench.tools, LOAD_CORE);
    const results = await runSettings(bench, upstream, DOWNLOADS);
    const crowded = results.filter(({ title }) => title.endsWith("250 connections"));
    console.log(toMemoryTable(crowded, "memory at 250 connections"));
  },
  uploads: (bench) => runReading(bench, UPLOADS),
  streams: (bench) => runReading(bench, STREAMS),
  upgrades: (bench) => {
    const contestants = bench.contestants.filter((name) => UPGRADING.includes(name));
    return runReading({ ...bench, contestants }, UPGRADES);
  },
  added: async (bench) => {
    const { delay } = CONSTANT_LOAD;
    await runConstantLoad(bench, await startReadingUpstream(bench.tools, LOAD_CORE, delay));
  },
};

/** Settings whose function has to read what it is sent. */
async function runReading(bench: Bench, settings: readonly Setting[]): Promise<void> {
  await runSettings(bench, await startReadingUpstream(bench.tools, LOAD_CORE, "0s"), settings);
}
