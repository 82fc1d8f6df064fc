/**
 * `npm run bench -- functions [--real] [--count 10000]`: a gateway that knows ten thousand
 * functions: memory for each, time of the list, and from a change in the cluster to the new route.
 * `--real` takes k3s' API server instead of the tests' small one.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { Agent, request } from "undici";
import { listen } from "../services/lib/servers.ts";
import { type BenchCluster, startFakeCluster, startRealCluster } from "./functions/cluster.ts";
import type { Memory, Ready } from "./functions/gateway-process.ts";
import { nameOf, toFunction, toSlice } from "./functions/objects.ts";
import { readOptions } from "./options.ts";

const CHILD = join(import.meta.dirname, "functions/gateway-process.ts");
const LISTS = 50;
const CHANGES = 200;
const PARALLEL_WRITES = 16;

const agent = new Agent({ connections: 8, pipelining: 1 });

/** Runs the benchmark and prints its table. */
export async function benchFunctions(args: readonly string[]): Promise<void> {
  const { count, real } = readOptions(args, { count: 10_000, real: false });
  const cluster = await (real ? startRealCluster() : startFakeCluster());
  const pods = [
    createServer((_, response) => response.end("a")),
    createServer((_, r) => r.end("b")),
  ];
  const ports = await Promise.all(pods.map((pod) => listen(pod, 0, cluster.address)));
  try {
    await run({ cluster, count, ports });
  } finally {
    pods.forEach((pod: Server) => {
      pod.close();
      pod.closeAllConnections();
    });
    await agent.destroy();
    await cluster.stop();
  }
}

interface Setting {
  cluster: BenchCluster;
  count: number;
  /** Of two pods, which answer `a` and `b`. */
  ports: readonly number[];
}

async function run({ cluster, count, ports }: Setting): Promise<void> {
  const [first = 0, second = 0] = ports;
  const empty = await startGateway(cluster);
  const before = await empty.readMemory();
  await empty.stop();
  await fill(cluster, count, first);
  const gateway = await startGateway(cluster);
  report("start until all functions are known", gateway.ready.syncSeconds * 1000, ["ms"]);
  const after = await gateway.readMemory();
  report("memory of a function, heap", (after.heap - before.heap) / count, ["bytes", "<= 4096"]);
  report("memory of a function, resident", (after.rss - before.rss) / count, ["bytes"]);
  const lists = await timeLists(gateway.ready.url, count);
  reportTimes("list of all functions", lists);
  const routes = await timeRoutes({ cluster, count, port: second, url: gateway.ready.url });
  reportTimes("from a change in the cluster to the new route", routes, "<= 100");
  await callEach(gateway.ready.url, count);
  const called = await gateway.readMemory();
  report("memory of a called function, heap", (called.heap - before.heap) / count, ["bytes"]);
  await gateway.stop();
}

interface Gateway {
  ready: Ready;
  readMemory(): Promise<Memory>;
  stop(): Promise<void>;
}

async function startGateway(cluster: BenchCluster): Promise<Gateway> {
  const child = fork(CHILD, {
    execArgv: ["--expose-gc", "--max-semi-space-size=2", "--disable-warning=ExperimentalWarning"],
    env: { PATH: process.env["PATH"], faas_prometheus_host: "127.0.0.1", ...cluster.env },
  });
  return {
    ready: await nextMessage<Ready>(child),
    readMemory: () => {
      child.send("memory");
      return nextMessage<Memory>(child);
    },
    stop: async () => {
      child.disconnect();
      await once(child, "exit");
    },
  };
}

function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error("the gateway ended"));
    child.once("exit", fail);
    child.once("message", (message) => {
      child.off("exit", fail);
      resolve(message as T);
    });
  });
}

async function fill(cluster: BenchCluster, count: number, port: number): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const name = nameOf(index);
      await cluster.create("functions", toFunction(name));
      await cluster.create("slices", toSlice(name, { address: cluster.address, port }));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_WRITES }, work));
}

async function timeLists(url: string, count: number): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < LISTS; round++) {
    const begin = performance.now();
    const { body } = await request(`${url}/system/functions`, { dispatcher: agent });
    const text = await body.text();
    times.push(performance.now() - begin);
    const listed = (JSON.parse(text) as unknown[]).length;
    if (listed !== count) {
      throw new Error(`expected ${count} functions in the list, got ${listed}`);
    }
  }
  return times;
}

/** Moves functions to another pod, one after the other, and calls each until that one answers. */
async function timeRoutes(setting: {
  cluster: BenchCluster;
  count: number;
  port: number;
  url: string;
}): Promise<number[]> {
  const { cluster, count, port, url } = setting;
  const times: number[] = [];
  for (let round = 0; round < CHANGES; round++) {
    const name = nameOf(Math.floor((round * count) / CHANGES));
    const begin = performance.now();
    await cluster.change("slices", toSlice(name, { address: cluster.address, port }));
    while ((await call(url, name)) !== "b") {
      if (performance.now() - begin > 10_000) {
        throw new Error(`${name}: no new route in 10 s`);
      }
    }
    times.push(performance.now() - begin);
  }
  return times;
}

async function call(url: string, name: string): Promise<string> {
  const { body } = await request(`${url}/function/${name}`, { dispatcher: agent });
  return body.text();
}

async function callEach(url: string, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await call(url, nameOf(index));
  }
}

function report(what: string, value: number, [unit, aim = ""]: [unit: string, aim?: string]): void {
  const figure = `${value.toFixed(1).padStart(10)} ${unit}`;
  console.log(`${what.padEnd(52)} ${figure.padEnd(18)}${aim === "" ? "" : `aim ${aim}`}`);
}

function reportTimes(what: string, times: readonly number[], aim = ""): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN;
  report(`${what}, p50 of ${times.length}`, at(0.5), ["ms", aim]);
  report(`${what}, p95`, at(0.95), ["ms", aim]);
  report(`${what}, longest`, at(1), ["ms", aim]);
}
