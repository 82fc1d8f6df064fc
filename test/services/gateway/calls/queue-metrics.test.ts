/** What the gateway counts of asynchronous calls. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import { QueueMetrics } from "../../../../services/gateway/calls/queue-metrics.ts";
import { Registry } from "../../../../services/lib/metrics.ts";

const F = "f.openfaas-fn";
let registry: Registry;
let metrics: QueueMetrics;

beforeEach(() => {
  registry = new Registry();
  metrics = new QueueMetrics(registry);
});

async function lines(name: string): Promise<string[]> {
  const text = await registry.metrics();
  return text.split("\n").filter((line) => line.startsWith(`${name}{`));
}

describe("an asynchronous call", () => {
  test("that is accepted counts with its time, and apart where it was known", async () => {
    metrics.accepted(F, { isRepeated: false, seconds: 0.25 });
    metrics.accepted(F, { isRepeated: true, seconds: 0.5 });
    expect(await lines("gateway_queue_accepted_total")).toEqual([
      `gateway_queue_accepted_total{function_name="${F}",repeated="false"} 1`,
      `gateway_queue_accepted_total{function_name="${F}",repeated="true"} 1`,
    ]);
    expect(await lines("gateway_queue_accept_seconds_sum")).toEqual([
      `gateway_queue_accept_seconds_sum{function_name="${F}"} 0.75`,
    ]);
  });

  test("that is refused counts by its code, without the name of what is no function", async () => {
    metrics.refused(F, "PLONK_OVERLOADED");
    metrics.refused(undefined, "PLONK_FUNCTION_NOT_FOUND");
    expect(await lines("gateway_queue_refused_total")).toEqual([
      `gateway_queue_refused_total{function_name="${F}",code="PLONK_OVERLOADED"} 1`,
      'gateway_queue_refused_total{function_name="",code="PLONK_FUNCTION_NOT_FOUND"} 1',
    ]);
    expect(await lines("gateway_queue_accept_seconds_sum")).toEqual([]);
  });
});
