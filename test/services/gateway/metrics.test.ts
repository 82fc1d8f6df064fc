/** What the gateway shows to Prometheus, read through the registry. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FunctionWatch } from "../../../services/gateway/cluster/functions.ts";
import { FunctionNamespaces } from "../../../services/gateway/cluster/namespaces.ts";
import { forgetDeleted, GatewayMetrics, registerCalls } from "../../../services/gateway/metrics.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { FakeKubernetes } from "../../support/fake-kubernetes.ts";
import { FUNCTIONS } from "../../support/gateway.ts";
import { createKeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";

function createMetrics(): { metrics: GatewayMetrics; lines: () => Promise<string[]> } {
  const registry = new Registry();
  const metrics = new GatewayMetrics(registry);
  return { metrics, lines: async () => (await registry.metrics()).split("\n") };
}

const LABELS = 'code="200",function_name="figlet.openfaas-fn"';

test("what has places is shown by what it has them for, as it is now", async () => {
  const registry = new Registry();
  const admission = { inFlight: 0, waiting: 2, upgraded: 3 };
  registerCalls(registry, admission);
  admission.inFlight = 1;
  const lines = (await registry.metrics()).split("\n").filter((line) => !line.startsWith("#"));
  expect(lines.filter((line) => line !== "")).toEqual([
    'gateway_calls{state="in_flight"} 1',
    'gateway_calls{state="waiting"} 2',
    'gateway_calls{state="upgraded"} 3',
  ]);
});

describe("GatewayMetrics", () => {
  test("counts calls that begin and calls that end apart", async () => {
    const { metrics, lines } = createMetrics();
    const figlet = metrics.forFunction("figlet.openfaas-fn");
    figlet.start();
    figlet.start();
    figlet.end(200, 0.02);
    const text = await lines();
    expect(text).toContain(
      'gateway_function_invocation_started{function_name="figlet.openfaas-fn"} 2',
    );
    expect(text).toContain(`gateway_function_invocation_total{${LABELS}} 1`);
    expect(text).toContain("# TYPE gateway_function_invocation_total counter");
  });

  test("counts what is not let in by its reason, apart from calls", async () => {
    const { metrics, lines } = createMetrics();
    const figlet = metrics.forFunction("figlet.openfaas-fn");
    figlet.refuse("PLONK_OVERLOADED");
    figlet.refuse("PLONK_OVERLOADED");
    figlet.refuse("PLONK_UNAUTHORIZED");
    const refused = (await lines()).filter((line) =>
      line.startsWith("gateway_function_refused_total{"),
    );
    expect(refused).toEqual([
      'gateway_function_refused_total{function_name="figlet.openfaas-fn",code="PLONK_OVERLOADED"} 2',
      'gateway_function_refused_total{function_name="figlet.openfaas-fn",code="PLONK_UNAUTHORIZED"} 1',
    ]);
  });

  test("sorts durations into cumulative buckets, each bound included", async () => {
    const { metrics, lines } = createMetrics();
    const figlet = metrics.forFunction("figlet.openfaas-fn");
    for (const seconds of [0.001, 0.005, 0.006, 1, 10, 11]) {
      figlet.end(200, seconds);
    }
    const own = (await lines()).filter((line) => line.startsWith("gateway_functions_seconds"));
    const buckets = own.map((line) => /le="([^"]+)",.*\} (\d+)$/.exec(line)?.slice(1));
    expect(buckets.filter((pair) => pair !== undefined)).toEqual([
      ["0.005", "2"],
      ["0.01", "3"],
      ["0.025", "3"],
      ["0.05", "3"],
      ["0.1", "3"],
      ["0.25", "3"],
      ["0.5", "3"],
      ["1", "4"],
      ["2.5", "4"],
      ["5", "4"],
      ["10", "5"],
      ["+Inf", "6"],
    ]);
    expect(own).toContain(`gateway_functions_seconds_count{${LABELS}} 6`);
    expect(own.find((line) => line.includes("_sum"))).toMatch(/ 22\.012/);
    expect(own[0]).toBe(`gateway_functions_seconds_bucket{le="0.005",${LABELS}} 2`);
  });

  test("keeps each status and each function apart", async () => {
    const { metrics, lines } = createMetrics();
    metrics.forFunction("a.x").end(200, 0.1);
    metrics.forFunction("a.x").end(200, 0.1);
    metrics.forFunction("a.x").end(503, 0.1);
    metrics.forFunction("b.x").end(200, 0.1);
    const totals = (await lines()).filter((line) => line.includes("_invocation_total{"));
    expect(totals).toEqual([
      'gateway_function_invocation_total{code="200",function_name="a.x"} 2',
      'gateway_function_invocation_total{code="503",function_name="a.x"} 1',
      'gateway_function_invocation_total{code="200",function_name="b.x"} 1',
    ]);
  });

  test("shows nothing of a function that it was told to forget, and counts anew after", async () => {
    const { metrics, lines } = createMetrics();
    const before = metrics.forFunction("a.x");
    before.end(200, 0.1);
    metrics.forget("a.x");
    before.end(200, 0.1);
    expect((await lines()).filter((line) => line.includes("a.x"))).toEqual([]);
    metrics.forFunction("a.x").start();
    expect((await lines()).filter((line) => line.includes("a.x"))).toEqual([
      'gateway_function_invocation_started{function_name="a.x"} 1',
    ]);
  });
});

describe("forgetDeleted", () => {
  test("lets the series of a function go with the function", async () => {
    const { metrics, lines } = createMetrics();
    const fake = new FakeKubernetes();
    const client = await fake.start();
    const { logger } = createKeptLog();
    const config = { functionNamespace: "openfaas-fn", platformNamespace: "openfaas" };
    const namespaces = new FunctionNamespaces({
      ...config,
      isClusterScoped: false,
      client,
      logger,
    });
    const functions = new FunctionWatch({ client, logger, namespaces });
    forgetDeleted(metrics, functions);
    try {
      const spec = { image: "example/image:1" };
      fake.put(FUNCTIONS, { metadata: { name: "gone" }, spec: { name: "gone", ...spec } });
      fake.put(FUNCTIONS, { metadata: { name: "kept" }, spec: { name: "kept", ...spec } });
      functions.start();
      await functions.waitForSync();
      metrics.forFunction("gone.openfaas-fn").end(200, 0.1);
      metrics.forFunction("kept.openfaas-fn").end(200, 0.1);
      fake.remove(FUNCTIONS, "gone");
      await until("no more gone", () => functions.get("openfaas-fn/gone") === undefined);
      const text = (await lines()).join("\n");
      expect(text).not.toContain("gone");
      expect(text).toContain("kept.openfaas-fn");
    } finally {
      await functions.stop();
      await client.close();
      await fake.stop();
    }
  });
});

describe("a histogram", () => {
  test("adds up, whatever the calls last and however they end", async () => {
    const call = fc.record({
      status: fc.constantFrom(200, 404, 502),
      seconds: fc.double({ min: 0, max: 20, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 30 }), async (calls) => {
        const { metrics, lines } = createMetrics();
        calls.forEach(({ status, seconds }) => metrics.forFunction("f.x").end(status, seconds));
        const text = await lines();
        for (const status of new Set(calls.map((each) => each.status))) {
          const own = calls.filter((each) => each.status === status);
          const buckets = text
            .filter((line) => line.includes("_bucket{") && line.includes(`code="${status}"`))
            .map((line) => /le="([^"]+)".* (\d+)$/.exec(line) ?? []);
          expect(buckets.map(([, bound = "", count]) => [bound, Number(count)])).toEqual(
            buckets.map(([, bound = ""]) => [
              bound,
              own.filter(({ seconds }) => bound === "+Inf" || seconds <= Number(bound)).length,
            ]),
          );
          expect(buckets).toHaveLength(12);
          const labels = `{code="${status}",function_name="f.x"}`;
          expect(text).toContain(`gateway_functions_seconds_count${labels} ${own.length}`);
        }
      }),
    );
  });
});
