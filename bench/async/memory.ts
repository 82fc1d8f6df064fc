/** The memory of the queue-worker: with the largest answers, and with a very long queue. */
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { QueueSync } from "../../components/queue/settings.ts";
import { QUEUE, STREAM } from "../../contract/queue/index.ts";
import { listen } from "../../services/lib/servers.ts";
import { CallbackReceiver } from "../../test/support/callback-receiver.ts";
import { stopServer } from "../../test/support/network.ts";
import { readMemoryMiB } from "../gateway/measure.ts";
import { startReadingUpstream } from "../gateway/upstream.ts";
import type { Bench } from "./bench.ts";
import { type Finding, toTable } from "./report.ts";
import { NATS_LIMIT_MIB, type Worker, WORKER_LIMIT_MIB, World } from "./world.ts";

const ANSWERS = 10;

/** Functions that the long queue is of, and how long it is watched while it is worked on. */
const FUNCTIONS = 100;
const WATCHED_SECONDS = 10;

/** Messages that are published before one is waited for. */
const BATCH = 5000;

/** Runs it and prints its table. */
export async function benchMemory(bench: Bench): Promise<void> {
  const answers = await measureAnswers(bench);
  const queued = await measureQueue(bench);
  console.log(toTable("memory of the queue-worker", [...answers, ...queued]));
}

/** The largest memory so far, and resident memory at its highest (proc(5)), MiB. */
interface Peak {
  pss: number;
  rss: number;
}

/** Looks at the memory of a worker until something has come about. */
async function watch(worker: Worker, isOver: () => boolean | Promise<boolean>): Promise<Peak> {
  let pss = 0;
  while (!(await isOver())) {
    pss = Math.max(pss, readMemoryMiB(worker.pid));
    await sleep(20);
  }
  return { pss, rss: readHighestMiB(worker.pid) };
}

function readHighestMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1024;
}

function toFindings(what: string, { pss, rss }: Peak): Finding[] {
  const aim = { most: WORKER_LIMIT_MIB };
  return [
    { what: `${what}: PSS`, values: [pss], aim, unit: "MiB" },
    { what: `${what}: RSS`, values: [rss], aim, unit: "MiB" },
  ];
}

async function measureAnswers(bench: Bench): Promise<Finding[]> {
  const body = Buffer.alloc(QUEUE.maxBodyBytes, "x");
  const waiting: ServerResponse[] = [];
  // All at once: none is answered before the last one is there.
  const server = createServer((request, response) => {
    request.resume();
    waiting.push(response);
    if (waiting.length === ANSWERS) {
      waiting.splice(0).forEach((each) => each.end(body));
    }
  });
  const port = await listen(server, 0, "127.0.0.1");
  const receiver = await CallbackReceiver.start("127.0.0.1");
  try {
    return await World.with(bench, { large: port }, async (world) => {
      const worker = await world.startWorker();
      bench.say(`memory: ${ANSWERS} answers of 8 MiB, and their callbacks`);
      await world.filler.fill("large", ANSWERS, { callback: new URL(receiver.url) });
      const peak = await watch(worker, () => {
        bench.signal.throwIfAborted();
        return receiver.received.length === ANSWERS;
      });
      const wrong = receiver.received.filter((each) => each.body.length !== body.length).length;
      if (wrong > 0) {
        throw new Error(`memory: expected whole answers in all callbacks, got ${wrong} others`);
      }
      return toFindings(`${ANSWERS} answers of 8 MiB at once, called back`, peak);
    });
  } finally {
    await receiver.close();
    await stopServer(server);
  }
}

/** Its disk is synced later than usual: else the queue would take many minutes to be filled. */
async function measureQueue(bench: Bench): Promise<Finding[]> {
  const upstream = await startReadingUpstream(bench.tools, undefined, "100ms");
  const names = Array.from({ length: FUNCTIONS }, (_, index) => `f-${index}`);
  const functions = Object.fromEntries(names.map((name) => [name, upstream.port]));
  try {
    const options = { ...bench, sync: QueueSync.Interval };
    return await World.with(options, functions, async (world) => {
      const each = Math.ceil(bench.queued / FUNCTIONS);
      for (const [index, name] of names.entries()) {
        if (index % 10 === 0) {
          bench.say(`memory: ${index * each} calls are queued`);
        }
        await world.filler.fillFast(name, each, BATCH);
      }
      const total = await world.left();
      if (total !== each * FUNCTIONS) {
        throw new Error(`memory: expected ${each * FUNCTIONS} queued calls, got ${total}`);
      }
      bench.say(`memory: a worker with ${total} calls`);
      const worker = await world.startWorker();
      const until = performance.now() + WATCHED_SECONDS * 1000;
      const peak = await watch(worker, () => {
        bench.signal.throwIfAborted();
        return performance.now() > until;
      });
      const done = total - (await world.left());
      const what = `${total} calls queued (${STREAM.calls}), of ${FUNCTIONS} functions`;
      return [
        ...toFindings(what, peak),
        { what: "the same: calls done meanwhile", values: [done], unit: "calls" },
        {
          what: "the same: RSS of nats-server",
          values: [readHighestMiB(world.natsPid)],
          aim: { most: NATS_LIMIT_MIB },
          unit: "MiB",
        },
      ];
    });
  } finally {
    await upstream.stop();
  }
}
