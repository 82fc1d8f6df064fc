/** What a worker counts, by OpenFaaS' names where it has them. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { Registry } from "../../../services/lib/metrics.ts";
import { WorkerMetrics } from "../../../services/queue-worker/metrics.ts";

const F = "f.openfaas-fn";
let registry: Registry;
let metrics: WorkerMetrics;

beforeEach(() => {
  registry = new Registry();
  metrics = new WorkerMetrics(registry);
});

async function lines(name: string): Promise<string[]> {
  const text = await registry.metrics();
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

describe("a worker's metrics", () => {
  test("count what becomes of calls, letters and callbacks", async () => {
    metrics.processed(F, 200);
    metrics.processed(F, 0);
    metrics.retried(F, "busy");
    metrics.buried(F, "call");
    metrics.calledBack(F, 204);
    metrics.kept(F, true);
    metrics.kept(F, false);
    expect(await lines("queue_worker_messages_processed_total")).toEqual([
      `queue_worker_messages_processed_total{function_name="${F}",code="200"} 1`,
      `queue_worker_messages_processed_total{function_name="${F}",code="0"} 1`,
    ]);
    expect(await lines("queue_worker_messages_retried_total")).toEqual([
      `queue_worker_messages_retried_total{function_name="${F}",reason="busy"} 1`,
    ]);
    expect(await lines("queue_worker_dead_letters_total")).toEqual([
      `queue_worker_dead_letters_total{function_name="${F}",kind="call"} 1`,
    ]);
    expect(await lines("queue_worker_callbacks_total")).toEqual([
      `queue_worker_callbacks_total{function_name="${F}",code="204"} 1`,
    ]);
    expect(await lines("queue_worker_results_total")).toEqual([
      `queue_worker_results_total{function_name="${F}",outcome="kept"} 1`,
      `queue_worker_results_total{function_name="${F}",outcome="lost"} 1`,
    ]);
  });

  test("tell what runs, for how long, and how long it has waited", async () => {
    const inFlight = "queue_worker_function_invocation_inflight";
    metrics.begin(F, 2);
    metrics.begin(F, -1);
    expect(await lines(inFlight)).toEqual([`${inFlight}{function_name="${F}"} 2`]);
    metrics.end(F, 0.5);
    expect(await lines(inFlight)).toEqual([`${inFlight}{function_name="${F}"} 1`]);
    const waits = await lines("queue_worker_wait_seconds_sum");
    expect(waits).toEqual([`queue_worker_wait_seconds_sum{function_name="${F}"} 2`]);
    const seconds = await lines("queue_worker_function_seconds_sum");
    expect(seconds).toEqual([`queue_worker_function_seconds_sum{function_name="${F}"} 0.5`]);
  });

  test("have the depths of the last look, of functions and of callbacks apart", async () => {
    metrics.saw({ byFunction: new Map([[F, 3]]) });
    metrics.saw({ callbacks: 2 });
    const calls = "queue_worker_pending_messages";
    const callbacks = "queue_worker_pending_callbacks";
    expect(await lines(calls)).toEqual([`${calls}{function_name="${F}"} 3`]);
    expect(await lines(callbacks)).toEqual([`${callbacks} 2`]);
    metrics.saw({ byFunction: new Map() });
    expect(await lines(calls)).toEqual([]);
    expect(await lines(callbacks)).toEqual([`${callbacks} 2`]);
  });
});
