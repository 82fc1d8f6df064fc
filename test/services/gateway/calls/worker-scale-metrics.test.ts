/** What Prometheus is told of the queue-workers and of what waits for them. */
import { beforeEach, expect, test } from "@jest/globals";
import type { QueueFacts } from "../../../../services/gateway/calls/worker-scale.ts";
import { WorkerScaleMetrics } from "../../../../services/gateway/calls/worker-scale-metrics.ts";
import { createRegistry } from "../../../../services/lib/metrics.ts";

let registry: ReturnType<typeof createRegistry>;
let metrics: WorkerScaleMetrics;

beforeEach(() => {
  registry = createRegistry();
  metrics = new WorkerScaleMetrics(registry);
});

const FACTS: QueueFacts = {
  waiting: 7,
  running: 2,
  longestRunMs: 9000,
  oldestWaitMs: 1500,
  dueInMs: 0,
};

/** Values of the series that begin so. */
async function read(prefix: string): Promise<string[]> {
  const lines = (await registry.metrics()).split("\n");
  return lines.filter((line) => line.startsWith(prefix)).sort();
}

test("workers that are there and that are wanted are told apart", async () => {
  metrics.saw(FACTS, { workers: 1, wanted: 3 });
  expect(await read("gateway_queue_workers")).toEqual([
    'gateway_queue_workers{which="there"} 1',
    'gateway_queue_workers{which="wanted"} 3',
  ]);
});

test("calls that wait and that run are told with how long the oldest waits, in seconds", async () => {
  metrics.saw(FACTS, { workers: 1, wanted: 1 });
  expect(await read("gateway_queue_calls")).toEqual([
    'gateway_queue_calls{state="running"} 2',
    'gateway_queue_calls{state="waiting"} 7',
  ]);
  expect(await read("gateway_queue_oldest")).toEqual(["gateway_queue_oldest_waiting_seconds 1.5"]);
  metrics.saw({ ...FACTS, waiting: 0, oldestWaitMs: 0 }, { workers: 1, wanted: 1 });
  expect(await read("gateway_queue_oldest")).toEqual(["gateway_queue_oldest_waiting_seconds 0"]);
});

test("changes are counted by their direction, and looks that failed by themselves", async () => {
  metrics.scaled(0, 1);
  metrics.scaled(1, 5);
  metrics.scaled(5, 4);
  metrics.failed();
  expect(await read("gateway_queue_worker_scalings_total")).toEqual([
    'gateway_queue_worker_scalings_total{direction="down"} 1',
    'gateway_queue_worker_scalings_total{direction="up"} 2',
  ]);
  expect(await read("gateway_queue_worker_scaling_failures_total")).toEqual([
    "gateway_queue_worker_scaling_failures_total 1",
  ]);
});
