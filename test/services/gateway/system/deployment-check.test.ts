/** Mistakes of a deployment that no schema can say. */
import { describe, expect, test } from "@jest/globals";
import { checkDeployment } from "../../../../services/gateway/system/deployment-check.ts";

const scale = (name: string): string => `com.openfaas.scale.${name}`;
const queue = "com.openfaas.queue";
const base = { service: "f", image: "i" };

describe("checkDeployment", () => {
  test("takes what faas-cli sends", () => {
    const labels = {
      [scale("min")]: "2",
      [scale("max")]: "2",
      [scale("factor")]: "0",
      [scale("zero")]: "false",
    };
    const envVars = { exec_timeout: "1m30s", read_timeout: "30" };
    expect(() =>
      checkDeployment({ ...base, labels, annotations: {}, envVars }, ["slow"]),
    ).not.toThrow();
  });

  test("takes what says how its own load scales a function", () => {
    const labels = { [scale("zero")]: "true", [scale("zero-duration")]: "5m" };
    const byLabels = { [scale("type")]: "capacity", [scale("target")]: "10" };
    const floor = { start: "0 7 * * 1-5", end: "0 19 * * 1-5", timeZone: "Europe/Berlin", min: 2 };
    const signals = [{ type: "cpu", target: 300 }];
    expect(() => {
      checkDeployment({ ...base, labels: { ...labels, ...byLabels } }, []);
      checkDeployment({ ...base, labels, scale: { signals, floors: [floor] } }, []);
    }).not.toThrow();
  });

  test.each([
    [
      { labels: { [scale("min")]: "many" } },
      `labels["${scale("min")}"]: expected a whole number from 0 to 1000, got "many"`,
    ],
    [
      { labels: { [scale("max")]: "1001" } },
      `labels["${scale("max")}"]: expected a whole number from 1 to 1000, got "1001"`,
    ],
    [
      { labels: { [scale("factor")]: "101" } },
      `labels["${scale("factor")}"]: expected a whole number from 0 to 100, got "101"`,
    ],
    [
      { labels: { [scale("min")]: "3", [scale("max")]: "2" } },
      `labels["${scale("min")}"]: expected at most ${scale("max")} (2), got "3"`,
    ],
    [
      { labels: { [scale("zero")]: "yes" } },
      `labels["${scale("zero")}"]: expected true or false, got "yes"`,
    ],
    [
      { labels: { [scale("type")]: "memory" } },
      `labels["${scale("type")}"]: expected rps or capacity or cpu or queue, got "memory"`,
    ],
    [
      { labels: { [scale("factor")]: "10" }, scale: {} },
      `labels["${scale("factor")}"]: expected none where its load scales it, as it is about ` +
        'alerts, got "10"',
    ],
    [
      { scale: { signals: [{ type: "prometheus", target: 5 }] } },
      "scale.signals[0].query: expected a query of Prometheus, got none",
    ],
    [
      { scale: { floors: [{ start: "0 7 * * *", end: "0 19 * * x", min: 2 }] } },
      'scale.floors[0].end: expected a cron expression of five fields, got "0 19 * * x"',
    ],
    [
      { scale: { floors: [{ start: "0 7 * * *", end: "0 19 * * *", min: 21 }] } },
      `scale.floors[0].min: expected at most ${scale("max")} (20), got 21`,
    ],
    [
      { envVars: { exec_timeout: "soon" } },
      'envVars.exec_timeout: expected a duration such as 30s, at most 24h, got "soon"',
    ],
    [
      { envProcess: "cat", code: "export default 1" },
      'envProcess: expected none beside code, got "cat"',
    ],
    [
      { labels: { "plonk/call-timeout": "25h" } },
      'labels["plonk/call-timeout"]: expected a duration such as 30s, at most 24h, got "25h"',
    ],
    [
      { labels: { "plonk/max-inflight": "many" } },
      'labels["plonk/max-inflight"]: expected a whole number from 0 to 999999999, got "many"',
    ],
    [
      { annotations: { [queue]: "Slow" } },
      `annotations["${queue}"]: expected 1 to 32 lower-case letters, digits and hyphens, got "Slow"`,
    ],
    [
      { annotations: { [queue]: "slower" } },
      `annotations["${queue}"]: expected a queue of the platform: faas-request, slow, got "slower"`,
    ],
    [
      { annotations: { a: "x".repeat(262_144) } },
      "annotations: expected at most 262144 bytes, got 262145",
    ],
  ])("refuses %#", (more, message) => {
    expect(() => checkDeployment({ ...base, ...more }, ["slow"])).toThrow(message);
  });

  test("names all mistakes at once", () => {
    const labels = { [scale("min")]: "-1" };
    const envVars = { read_timeout: "x", write_timeout: "y" };
    expect(() => checkDeployment({ ...base, labels, envVars }, ["slow"])).toThrow(
      /scale\.min.*; envVars\.read_timeout.*; envVars\.write_timeout/,
    );
  });

  test.each(["slow", "faas-request"])("takes the queue %s", (name) => {
    const annotations = { [queue]: name };
    expect(() => checkDeployment({ ...base, annotations }, ["slow"])).not.toThrow();
  });

  test("takes annotations of exactly 256 KiB", () => {
    const annotations = { a: "\u00fc".repeat(131_071) + "x" };
    expect(() => checkDeployment({ ...base, annotations }, ["slow"])).not.toThrow();
  });
});
