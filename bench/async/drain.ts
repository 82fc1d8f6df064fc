/** How fast the queue-worker drains a queue, beside a consumer that does nothing else. */
import { STREAM, toConsumerName, toConsumerSettings } from "../../contract/queue/index.ts";
import { readProcessorSeconds } from "../gateway/measure.ts";
import { rotate, toRatios } from "../gateway/statistics.ts";
import { startReadingUpstream } from "../gateway/upstream.ts";
import type { Bench } from "./bench.ts";
import { laneOf } from "./filler.ts";
import { type RawClient, startRaw } from "./raw.ts";
import type { RawTask } from "./raw-client.ts";
import { type Finding, toDrainRate, toTable } from "./report.ts";
import { type Worker, World } from "./world.ts";

/** How long the function takes. */
const DELAYS = ["0s", "10ms"];

/** Calls at once: what a function has where nobody says otherwise. */
const CONCURRENCY = 10;

const ACK_WAIT_MS = 60_000;

const CONTESTANTS = ["worker", "raw", "raw-gateway"] as const;
type Contestant = (typeof CONTESTANTS)[number];

interface Drained {
  /** Calls a second. */
  rate: number;
  /** Processor time of the consumer a call, microseconds. */
  cpu: number;
}

/** Runs it and prints its table. */
export async function benchDrain(bench: Bench): Promise<void> {
  const findings: Finding[] = [];
  for (const delay of DELAYS) {
    findings.push(...(await compare(bench, delay)));
  }
  console.log(toTable(`drained calls, ${CONCURRENCY} at once`, findings));
}

async function compare(bench: Bench, delay: string): Promise<Finding[]> {
  const upstream = await startReadingUpstream(bench.tools, undefined, delay);
  const functions = Object.fromEntries(CONTESTANTS.map((name) => [name, upstream.port]));
  const drained: Record<Contestant, Drained[]> = { worker: [], raw: [], "raw-gateway": [] };
  try {
    await World.with(bench, functions, async (world) => {
      const raw = await startRaw(world, "queue-worker");
      const worker = await world.startWorker({
        env: { max_inflight_per_function: String(CONCURRENCY), ack_wait: `${ACK_WAIT_MS}ms` },
      });
      const direct = `http://127.0.0.1:${upstream.port}/`;
      const setting = { bench, world, raw, worker, direct };
      for (const name of CONTESTANTS) {
        await drain(setting, name, Math.ceil(bench.calls / 4));
      }
      for (let round = 0; round < bench.rounds; round++) {
        bench.say(`drain, function of ${delay}: round ${round + 1} of ${bench.rounds}`);
        for (const name of rotate(CONTESTANTS, round)) {
          drained[name].push(await drain(setting, name, bench.calls));
        }
      }
    });
  } finally {
    await upstream.stop();
  }
  return toFindings(drained, `function of ${delay}`);
}

function toFindings(drained: Record<Contestant, Drained[]>, what: string): Finding[] {
  const pick = (name: Contestant, key: keyof Drained): number[] =>
    drained[name].map((each) => each[key]);
  const [own, straight, through] = CONTESTANTS.map((name) => pick(name, "rate"));
  const ratios = (base: readonly number[] = []): number[] => toRatios(own ?? [], base);
  return [
    { what: `queue-worker, by the gateway, ${what}`, values: own ?? [], unit: "calls/s" },
    { what: `raw consumer, straight, ${what}`, values: straight ?? [], unit: "calls/s" },
    { what: `raw consumer, by the gateway, ${what}`, values: through ?? [], unit: "calls/s" },
    { what: `ratio to straight, ${what}`, values: ratios(straight), aim: { least: 0.8 } },
    { what: `ratio by the gateway, ${what}`, values: ratios(through) },
    { what: `processor time of the worker, ${what}`, values: pick("worker", "cpu"), unit: "µs" },
    { what: `the same of the raw consumer, ${what}`, values: pick("raw", "cpu"), unit: "µs" },
  ];
}

interface Setting {
  bench: Bench;
  world: World;
  raw: RawClient;
  worker: Worker;
  /** The function's own address. */
  direct: string;
}

/** Queues calls while nobody takes any, and measures how fast they are done with. */
async function drain(setting: Setting, name: Contestant, count: number): Promise<Drained> {
  const { world, worker, raw } = setting;
  worker.hold();
  await world.filler.fill(name, count);
  const { pid } = name === "worker" ? worker : raw;
  const before = readProcessorSeconds(pid);
  if (name === "worker") {
    worker.resume();
  }
  const [samples] = await Promise.all([
    world.followDrain(name),
    name !== "worker" && raw.run(toTask(setting, name, count)),
  ]);
  const cpu = ((readProcessorSeconds(pid) - before) / count) * 1e6;
  return { rate: toDrainRate(samples, count), cpu };
}

function toTask({ world, direct }: Setting, name: Contestant, count: number): RawTask {
  const lane = laneOf(name);
  return {
    kind: "consume",
    stream: STREAM.calls,
    consumer: toConsumerName(lane),
    settings: toConsumerSettings(lane, ACK_WAIT_MS),
    count,
    concurrency: CONCURRENCY,
    url: name === "raw" ? direct : `http://127.0.0.1:${world.gateway.port}/function/${name}`,
  };
}
