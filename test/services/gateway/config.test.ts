/** The gateway's settings. */
import { describe, expect, test } from "@jest/globals";
import { readConfig } from "../../../services/gateway/config.ts";

describe("readConfig", () => {
  test("has OpenFaaS' defaults", () => {
    expect(readConfig({})).toEqual({
      port: 8080,
      metricsPort: 8082,
      readTimeoutMs: 65_000,
      writeTimeoutMs: 65_000,
      upstreamTimeoutMs: 60_000,
      nats: undefined,
      prometheusUrl: "http://prometheus:9090",
      secretMountPath: undefined,
      scaleFromZero: { timeoutMs: 60_000, queueLength: 1000 },
      functionNamespace: "openfaas-fn",
      logLevel: "info",
    });
  });

  test("reads every variable", () => {
    const config = readConfig({
      port: "1",
      metrics_port: "2",
      read_timeout: "1m5s",
      upstream_timeout: "5",
      faas_nats_address: "nats",
      basic_auth: "true",
      secret_mount_path: "/s",
      scale_from_zero: "yes",
      function_namespace: "fn",
    });
    expect(config).toMatchObject({
      port: 1,
      metricsPort: 2,
      readTimeoutMs: 65_000,
      upstreamTimeoutMs: 5000,
      nats: { host: "nats", port: 4222 },
      secretMountPath: "/s",
      functionNamespace: "fn",
    });
    expect(config.scaleFromZero).toBeUndefined();
  });

  test("names a wrong variable", () => {
    expect(() => readConfig({ upstream_timeout: "soon" })).toThrow(
      'upstream_timeout: must be a duration such as 1m5s or whole seconds, got "soon"',
    );
  });
});
