/** What the gateway shows to Prometheus of how functions are scaled, read through the registry. */
import { beforeEach, describe, expect, test } from "@jest/globals";
import type { FunctionState } from "../../../services/gateway/calls/function-states.ts";
import { registerScale } from "../../../services/gateway/scale-metrics.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { FunctionFeed, functionOf } from "../../support/call-parts.ts";

const scale = (name: string): string => `com.openfaas.scale.${name}`;

let functions: FunctionFeed;
let pods: Map<string, number>;
let called: Set<FunctionState>;
let registry: Registry;

beforeEach(() => {
  functions = new FunctionFeed();
  pods = new Map();
  called = new Set();
  registry = new Registry();
  registerScale(registry, {
    functions: functions.watch,
    endpoints: { load: (key) => ({ pods: pods.get(key) ?? 0, inFlight: 0 }) },
    states: { called: () => called },
  });
});

/** The lines of one metric. */
async function linesOf(name: string): Promise<string[]> {
  const lines = (await registry.metrics()).split("\n");
  return lines.filter((line) => line.startsWith(`${name}{`));
}

describe("of replicas", () => {
  test("it shows what each function shall have at the moment when it is asked", async () => {
    expect(await linesOf("gateway_service_count")).toEqual([]);
    functions.put(functionOf("a", { replicas: 3 }));
    functions.put(functionOf("b", { replicas: 0 }));
    functions.put(functionOf("c", { labels: { [scale("min")]: "2" } }));
    expect(await linesOf("gateway_service_count")).toEqual([
      'gateway_service_count{function_name="a.fn"} 3',
      'gateway_service_count{function_name="b.fn"} 0',
      'gateway_service_count{function_name="c.fn"} 2',
    ]);
    functions.remove("fn/a");
    expect(await linesOf("gateway_service_count")).toHaveLength(2);
  });

  test("it shows the fewest of each, also of those that alerts scale", async () => {
    functions.put(functionOf("a", { replicas: 3 }));
    functions.put(functionOf("b", { labels: { [scale("min")]: "2" } }));
    functions.put(functionOf("c", { labels: { [scale("min")]: "0", [scale("zero")]: "true" } }));
    expect(await linesOf("gateway_service_min")).toEqual([
      'gateway_service_min{function_name="a.fn"} 1',
      'gateway_service_min{function_name="b.fn"} 2',
      'gateway_service_min{function_name="c.fn"} 0',
    ]);
  });

  test("it shows those that take calls, as they are now", async () => {
    functions.put(functionOf("a"));
    functions.put(functionOf("b"));
    pods.set("fn/a", 2);
    expect(await linesOf("gateway_service_ready_count")).toEqual([
      'gateway_service_ready_count{function_name="a.fn"} 2',
      'gateway_service_ready_count{function_name="b.fn"} 0',
    ]);
    pods.set("fn/a", 1);
    const [first] = await linesOf("gateway_service_ready_count");
    expect(first).toBe('gateway_service_ready_count{function_name="a.fn"} 1');
  });
});

describe("of loads", () => {
  const targets = (): Promise<string[]> => linesOf("gateway_service_target_load");

  test("it shows no target where alerts scale, and none where nothing is declared", async () => {
    functions.put(functionOf("a", { labels: { [scale("max")]: "5", [scale("factor")]: "50" } }));
    expect(await targets()).toEqual([]);
  });

  test.each([
    ["rps", 50],
    ["capacity", 50],
    ["cpu", 500],
    ["queue", 10],
  ])("it shows the target of the type %s by that word, its default too", async (type, usual) => {
    functions.put(functionOf("a", { labels: { [scale("type")]: type, [scale("target")]: "7" } }));
    functions.put(functionOf("b", { labels: { [scale("type")]: type } }));
    expect(await targets()).toEqual([
      `gateway_service_target_load{function_name="a.fn",scaling_type="${type}"} 7`,
      `gateway_service_target_load{function_name="b.fn",scaling_type="${type}"} ${usual}`,
    ]);
  });

  test("it shows the whole target, of which a part is aimed at", async () => {
    const labels = { [scale("target")]: "10", [scale("target-proportion")]: "0.5" };
    functions.put(functionOf("a", { labels }));
    expect(await targets()).toEqual([
      'gateway_service_target_load{function_name="a.fn",scaling_type="rps"} 10',
    ]);
  });

  test("it shows each of several signals, and queries by their place", async () => {
    const signals = [
      { type: "inflight", target: 4 },
      { type: "prometheus", target: 100, query: "sum(a)" },
      { type: "prometheus", target: 0.5, query: "sum(b)" },
    ];
    functions.put(functionOf("a", { scale: { signals } }));
    expect(await targets()).toEqual([
      'gateway_service_target_load{function_name="a.fn",scaling_type="capacity"} 4',
      'gateway_service_target_load{function_name="a.fn",scaling_type="signals[1]"} 100',
      'gateway_service_target_load{function_name="a.fn",scaling_type="signals[2]"} 0.5',
    ]);
  });

  test("it shows what those that were called have in flight, as the signal counts it", async () => {
    const state = { displayName: "a.fn", inFlight: 2, waiting: 1, upgraded: 3 } as FunctionState;
    called.add(state);
    const lines = (): Promise<string[]> => linesOf("gateway_invocation_function_inflight");
    expect(await lines()).toEqual(['gateway_invocation_function_inflight{function_name="a.fn"} 6']);
    Object.assign(state, { inFlight: 0, waiting: 0, upgraded: 0 });
    expect(await lines()).toEqual(['gateway_invocation_function_inflight{function_name="a.fn"} 0']);
  });
});
