/** Queries of users to Prometheus: one number, or why there is none. */
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PrometheusApi, toPrometheusAddress } from "../../../services/lib/prometheus.ts";
import { listen } from "../../../services/lib/servers.ts";
import { createKeptLog, type KeptLog } from "../../support/logs.ts";

let server: Server;
let api: PrometheusApi;
let log: KeptLog;
let answer: { status: number; body: unknown };
let asked: URL[];

beforeEach(async () => {
  asked = [];
  server = createServer(({ url = "" }, response) => {
    asked.push(new URL(url, "http://x"));
    response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  const port = await listen(server, 0, "127.0.0.1");
  log = createKeptLog();
  const address = { url: `http://127.0.0.1:${port}`, secretPath: undefined };
  // However busy the machine is.
  api = new PrometheusApi(address, log.logger, 60_000);
});

afterEach(async () => {
  await api.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function give(resultType: string, result: unknown): void {
  answer = { status: 200, body: { status: "success", data: { resultType, result } } };
}

const series = (...values: string[]) =>
  values.map((value, index) => ({ metric: { pod: `p${index}` }, value: [1, value] }));

describe("querySum", () => {
  test.each([
    { what: "one series", type: "vector", result: series("4.5"), expected: 4.5 },
    { what: "several series", type: "vector", result: series("1", "2", "-0.5"), expected: 2.5 },
    { what: "a scalar", type: "scalar", result: [1, "7"], expected: 7 },
    { what: "nothing", type: "vector", result: [], expected: undefined },
    { what: "no number", type: "vector", result: series("1", "NaN"), expected: undefined },
    { what: "an endless number", type: "scalar", result: [1, "+Inf"], expected: undefined },
  ])("is the sum of $what", async ({ type, result, expected }) => {
    give(type, result);
    expect(await api.querySum("sum(x)")).toBe(expected);
    expect(asked[0]?.searchParams.get("query")).toBe("sum(x)");
    expect(asked[0]?.searchParams.get("timeout")).toBe("60000ms");
  });

  test.each([
    ["matrix", [], "query: expected a vector or a scalar, got a matrix"],
    ["string", [1, "x"], "query: expected a vector or a scalar, got a string"],
  ])("refuses a %s", async (type, result, message) => {
    give(type, result);
    await expect(api.querySum("x[5m]")).rejects.toThrow(message);
    expect(log.text()).toBe("");
  });

  test("says what Prometheus has against a query, of which Prometheus is not away", async () => {
    const error = `parse error: unexpected end of input ${"x".repeat(500)}`;
    answer = { status: 400, body: { status: "error", errorType: "bad_data", error } };
    const message = String(await api.querySum("sum(").catch((thrown: unknown) => thrown));
    expect(message).toContain("Prometheus answered 400: ");
    expect(message).toContain("parse error: unexpected end of input");
    expect(message.length).toBeLessThan(300);
    expect(log.text()).toBe("");
  });

  test("takes no answer of more than 4 MiB", async () => {
    give("vector", series(...Array<string>(100_000).fill("1")));
    await expect(api.querySum("x")).rejects.toThrow("Response content exceeded max size");
  });

  test("tells once that Prometheus is away", async () => {
    answer = { status: 503, body: {} };
    await expect(api.querySum("x")).rejects.toThrow("Prometheus answered 503");
    await expect(api.querySum("x")).rejects.toThrow("Prometheus answered 503");
    expect(log.text().match(/no figures from Prometheus/g)).toHaveLength(1);
  });
});

describe("the address", () => {
  const settings = { faas_prometheus_host: "prometheus.of", faas_prometheus_port: 9091 };

  test("is that of host and port, or another one that is named", () => {
    expect(toPrometheusAddress(settings)).toEqual({
      url: "http://prometheus.of:9091",
      secretPath: undefined,
    });
    const other = { prometheus_url: "https://p.example/x", prometheus_secret_path: "/s" };
    expect(toPrometheusAddress({ ...settings, ...other })).toEqual({
      url: "https://p.example/x",
      secretPath: "/s",
    });
  });
});
