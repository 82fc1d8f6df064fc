import { describe, expect, it } from "@jest/globals";
import { callTimeouts } from "../../../../../contract/index.ts";
import { toProbes } from "../../../../../services/operator/controllers/function/probes.ts";
import { makeFunction } from "./functions.ts";

const TIMEOUTS = { connectMs: 3000, firstByteMs: 0, idleMs: 300_000, callMs: 60_000 };

const probesOf = (...parts: Parameters<typeof makeFunction>) =>
  toProbes(makeFunction(...parts), TIMEOUTS);

describe("toProbes", () => {
  it("shapes probes by OpenFaaS' annotations and ignores what is no number", () => {
    const probes = probesOf({
      annotations: {
        "com.openfaas.health.http.path": "/alive",
        "com.openfaas.health.http.initialDelaySeconds": "4",
        "com.openfaas.health.http.periodSeconds": "often",
        "com.openfaas.ready.http.path": "/ready",
        "com.openfaas.ready.http.successThreshold": "2",
      },
    });
    expect(probes.startupProbe).toStrictEqual({
      httpGet: { path: "/alive", port: "http" },
      initialDelaySeconds: 4,
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: 120,
    });
    expect(probes.livenessProbe).toStrictEqual({
      httpGet: { path: "/alive", port: "http" },
      initialDelaySeconds: 4,
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    });
    expect(probes.readinessProbe).toStrictEqual({
      httpGet: { path: "/ready", port: "http" },
      periodSeconds: 2,
      timeoutSeconds: 2,
      failureThreshold: 3,
      successThreshold: 2,
    });
  });

  it("asks the runtime for its life late, as nothing else waits for its start", () => {
    const code = { configMap: "c" };
    expect(probesOf({ code })).not.toHaveProperty("startupProbe");
    expect(probesOf({ code }).livenessProbe?.initialDelaySeconds).toBe(60);
    const annotations = { "com.openfaas.health.http.initialDelaySeconds": "4" };
    expect(probesOf({ code, annotations }).livenessProbe?.initialDelaySeconds).toBe(4);
  });

  describe("lets a function that computes, and so does not answer, live", () => {
    const code = { configMap: "c" };
    const liveOf = (spec: Parameters<typeof makeFunction>[0], timeouts = TIMEOUTS) => {
      const live = toProbes(makeFunction(spec), timeouts).livenessProbe;
      const { periodSeconds = 0, failureThreshold = 0 } = live ?? {};
      return [periodSeconds, failureThreshold];
    };

    it.each([
      ["the usual limit", {}, 6],
      ["a shorter one", { labels: { "plonk/call-timeout": "5s" } }, 6],
      ["the usual limit as its own", { environment: { exec_timeout: "1m" } }, 6],
      ["a longer one", { labels: { "plonk/call-timeout": "10m" } }, 61],
      ["one that is no whole number of periods", { labels: { "plonk/call-timeout": "61s" } }, 8],
      ["a longer one of its watchdog", { environment: { exec_timeout: "90" } }, 10],
      ["the longest", { labels: { "plonk/call-timeout": "24h" } }, 8641],
      [
        "none, for as long as a pod that stops waits",
        { labels: { "plonk/call-timeout": "0" } },
        31,
      ],
      ["one that is no time", { labels: { "plonk/call-timeout": "soon" } }, 6],
    ])("as long as %s allows", (_what, spec, failures) => {
      expect(liveOf({ ...spec, code })).toStrictEqual([10, failures]);
      expect(liveOf(spec)).toStrictEqual([10, failures]);
      // The question that comes right after the call has begun is the first in vain.
      const { callMs } = callTimeouts(spec, TIMEOUTS);
      expect(failures === 6 || (failures - 1) * 10_000 >= callMs).toBe(true);
    });

    it("as long as the platform's limit allows", () => {
      expect(liveOf({ code }, { ...TIMEOUTS, callMs: 300_000 })).toStrictEqual([10, 31]);
    });

    it.each([
      ["failureThreshold", "3", [10, 3]],
      ["periodSeconds", "5", [5, 6]],
      ["initialDelaySeconds", "5", [10, 61]],
      ["timeoutSeconds", "1", [10, 61]],
      ["path", "/alive", [10, 61]],
    ])("but with a %s of %s of its own as that says", (name, value, expected) => {
      const labels = { "plonk/call-timeout": "10m" };
      const annotations = { [`com.openfaas.health.http.${name}`]: value };
      expect(liveOf({ code, labels, annotations })).toStrictEqual(expected);
    });
  });

  it("asks for readiness where it asks for health, unless told otherwise", () => {
    const annotations = { "com.openfaas.health.http.path": "/alive" };
    expect(probesOf({ annotations }).readinessProbe?.httpGet?.path).toBe("/alive");
  });
});
