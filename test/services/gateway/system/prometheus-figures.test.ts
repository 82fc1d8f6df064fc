/** What is asked of Prometheus, how often, and what is made of its answers. */
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { FunctionStatsReader } from "../../../../services/gateway/system/function-stats.ts";
import { InvocationCounts } from "../../../../services/gateway/system/invocation-counts.ts";
import { PrometheusApi } from "../../../../services/lib/prometheus.ts";
import { listen } from "../../../../services/lib/servers.ts";
import { createKeptLog, type KeptLog } from "../../../support/logs.ts";
import { stopServer } from "../../../support/network.ts";

type Series = Record<string, string>;

let server: Server;
let api: PrometheusApi;
let log: KeptLog;
let now: number;
/** The queries that were asked. */
let asked: string[];
/** What is answered: numbers by function, or a status or a text. */
let answer: (query: string) => Series | number | string;

beforeEach(async () => {
  now = 50_000;
  jest.spyOn(performance, "now").mockImplementation(() => now);
  log = createKeptLog();
  asked = [];
  answer = () => ({});
  server = createServer(({ url = "" }, response) => {
    const query = new URL(url, "http://x").searchParams.get("query") ?? "";
    asked.push(query);
    const given = answer(query);
    if (typeof given === "object") {
      const result = Object.entries(given).map(([name, value]) => ({
        metric: name === "" ? {} : { function_name: name },
        value: [1, value],
      }));
      response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
    } else {
      response.writeHead(typeof given === "number" ? given : 200).end(String(given));
    }
  });
  // A connection that is closed while it is used again would be no answer.
  server.keepAliveTimeout = 65_000;
  const port = await listen(server, 0, "127.0.0.1");
  const address = { url: `http://127.0.0.1:${port}`, secretPath: undefined };
  // However busy the machine is.
  api = new PrometheusApi(address, log.logger, 60_000);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await api.close();
  await stopServer(server);
});

const count = (text: string): number => log.text().split(text).length - 1;

describe("an answer", () => {
  test("is numbers by function, without what is no number", async () => {
    answer = () => ({ "a.fn": "1.5", "b.fn": "NaN", "c.fn": "+Inf", "d.fn": "0", "e.fn": "-Inf" });
    expect(await api.queryByFunction("up")).toEqual(
      new Map([
        ["a.fn", 1.5],
        ["d.fn", 0],
      ]),
    );
  });

  test.each([
    [503, "Prometheus answered 503"],
    [422, "Prometheus answered 422"],
    ["<html>", "is not valid JSON"],
    ['{"status":"error"}', "Prometheus answered with no data"],
  ])("of %j is none, which is told once until there is one again", async (bad, reason) => {
    answer = () => bad;
    await expect(api.queryByFunction("up")).rejects.toThrow(reason);
    await expect(api.queryByFunction("up")).rejects.toThrow(reason);
    expect(count("no figures from Prometheus")).toBe(1);
    answer = () => ({});
    await api.queryByFunction("up");
    answer = () => bad;
    await expect(api.queryByFunction("up")).rejects.toThrow(reason);
    expect(count("no figures from Prometheus")).toBe(2);
  });

  test("is asked for with the query as it is, whatever is in it", async () => {
    const query = 'sum(rate(x{a=~"b+.*",c="d&e=f#g"}[1m])) by (function_name)';
    await api.queryByFunction(query);
    expect(asked).toEqual([query]);
  });
});

describe("how often functions were called", () => {
  test("is asked once for two seconds, for all who ask meanwhile", async () => {
    answer = () => ({ "a.fn": "7" });
    const counts = new InvocationCounts(api, log.logger);
    const answers = await Promise.all([counts.read(), counts.read(), counts.read()]);
    expect(answers.map((each) => each.get("a.fn"))).toEqual([7, 7, 7]);
    answer = () => ({ "a.fn": "8" });
    now += 2000;
    expect((await counts.read()).get("a.fn")).toBe(7);
    now += 1;
    expect((await counts.read()).get("a.fn")).toBe(8);
    const query = "sum(gateway_function_invocation_total) by (function_name)";
    expect(asked).toEqual([query, query]);
  });

  test("is nothing while Prometheus is away, which is not asked again for ten seconds", async () => {
    answer = () => ({ "a.fn": "7" });
    const counts = new InvocationCounts(api, log.logger);
    await counts.read();
    answer = () => 503;
    now += 2001;
    // What was known is not shown as if it were of now.
    expect((await counts.read()).size).toBe(0);
    answer = () => ({ "a.fn": "9" });
    now += 10_000;
    expect([(await counts.read()).size, asked.length]).toEqual([0, 2]);
    now += 1;
    expect((await counts.read()).get("a.fn")).toBe(9);
  });
});

describe("how functions are doing", () => {
  const figures: [RegExp, Series][] = [
    [/^histogram_quantile\(0\.5,/, { "a.fn": "0.1", "b.fn": "NaN" }],
    [/^histogram_quantile\(0\.95,/, { "a.fn": "0.9" }],
    [/code=~"5\.\."/, { "a.fn": "0.5" }],
    [/^clamp_min/, { "b.fn": "2", "c.other": "3" }],
    [/^sum by \(function_name\) \(rate/, { "a.fn": "1.5", "a.fn2": "9" }],
  ];

  beforeEach(() => {
    answer = (query) => figures.find(([pattern]) => pattern.test(query))?.[1] ?? {};
  });

  test("has what is known of each, by name, and zero for what is not counted", async () => {
    const stats = await new FunctionStatsReader(api, log.logger).read("fn");
    expect(stats).toEqual([
      {
        name: "a",
        namespace: "fn",
        callsPerSecond: 1.5,
        errorsPerSecond: 0.5,
        p50Seconds: 0.1,
        p95Seconds: 0.9,
      },
      { name: "b", namespace: "fn", callsPerSecond: 0, errorsPerSecond: 0, inFlight: 2 },
    ]);
  });

  test("is asked in these words, of one namespace and of the last minute", async () => {
    await new FunctionStatsReader(api, log.logger).read("team-a");
    const own = 'function_name=~"[^.]+[.]team-a"';
    const ended = `sum by (function_name) (gateway_function_invocation_total{${own}})`;
    const started = `sum by (function_name) (gateway_function_invocation_started{${own}})`;
    const buckets = `sum by (le, function_name) (rate(gateway_functions_seconds_bucket{${own}}[1m]))`;
    expect(new Set(asked)).toEqual(
      new Set([
        `sum by (function_name) (rate(gateway_function_invocation_total{${own}}[1m]))`,
        `sum by (function_name) (rate(gateway_function_invocation_total{${own},code=~"5.."}[1m]))`,
        `histogram_quantile(0.5, ${buckets})`,
        `histogram_quantile(0.95, ${buckets})`,
        `clamp_min(${started} - (${ended} or ${started} * 0), 0)`,
      ]),
    );
  });

  test("is asked once a second for each namespace, however many ask", async () => {
    const reader = new FunctionStatsReader(api, log.logger);
    await Promise.all([reader.read("fn"), reader.read("fn"), reader.read("other")]);
    expect(asked).toHaveLength(10);
    now += 999;
    await reader.read("fn");
    expect(asked).toHaveLength(10);
    now += 1;
    await reader.read("fn");
    expect(asked).toHaveLength(15);
  });

  test("is nothing where one of the figures cannot be had", async () => {
    const reader = new FunctionStatsReader(api, log.logger);
    answer = (query) => (query.startsWith("clamp_min") ? 503 : { "a.fn": "1" });
    expect(await reader.read("fn")).toEqual([]);
    expect(count("function stats not available")).toBe(1);
    answer = () => ({ "a.fn": "1" });
    now += 1000;
    expect(await reader.read("fn")).toMatchObject([{ name: "a", inFlight: 1 }]);
  });
});
