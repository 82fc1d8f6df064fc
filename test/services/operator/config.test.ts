/** The operator's settings. */
import { hostname } from "node:os";
import { describe, expect, test } from "@jest/globals";
import { readConfig } from "../../../services/operator/config.ts";

describe("readConfig", () => {
  test("has defaults for all of them", () => {
    expect(readConfig({})).toEqual({
      functionNamespace: "openfaas-fn",
      platformNamespace: "openfaas",
      prometheus: { url: "http://prometheus:9090", secretPath: undefined },
      port: 8081,
      identity: hostname(),
      isClusterScoped: false,
      timeouts: { connectMs: 3000, firstByteMs: 0, idleMs: 300_000, callMs: 60_000 },
      hasNetworkPolicies: false,
      metricsNamespace: undefined,
      deniedEgress: [],
      imagePullSecrets: [],
      logLevel: "info",
    });
  });

  test("reads every variable", () => {
    const config = readConfig({
      function_namespace: "fn",
      platform_namespace: "platform",
      port: "1",
      pod_name: "operator-1",
      cluster_scope: "true",
      network_policies: "true",
      metrics_namespace: "monitoring",
      denied_egress: "192.0.2.1/32,2001:DB8::1/128",
      image_pull_secrets: "login,other.login",
      connect_timeout: "1s",
      first_byte_timeout: "2",
      idle_timeout: "3s",
      upstream_timeout: "1m5s",
      prometheus_url: "https://metrics.example/p",
      prometheus_secret_path: "/var/secrets/prometheus",
      log_level: "debug",
    });
    expect(config).toEqual({
      functionNamespace: "fn",
      platformNamespace: "platform",
      prometheus: { url: "https://metrics.example/p", secretPath: "/var/secrets/prometheus" },
      port: 1,
      identity: "operator-1",
      isClusterScoped: true,
      timeouts: { connectMs: 1000, firstByteMs: 2000, idleMs: 3000, callMs: 65_000 },
      hasNetworkPolicies: true,
      metricsNamespace: "monitoring",
      deniedEgress: ["192.0.2.1/32", "2001:DB8::1/128"],
      imagePullSecrets: ["login", "other.login"],
      logLevel: "debug",
    });
  });

  test("takes an empty variable for one that is not set", () => {
    const { metricsNamespace, deniedEgress } = readConfig({
      metrics_namespace: "",
      denied_egress: "",
    });
    expect([metricsNamespace, deniedEgress]).toEqual([undefined, []]);
  });

  test.each<[Record<string, string>, string]>([
    [{ upstream_timeout: "soon" }, "upstream_timeout: expected a duration such as 1m5s"],
    [{ port: "http" }, "port: expected"],
    [{ log_level: "loud" }, "log_level: expected one of trace, debug"],
    [{ image_pull_secrets: "my login" }, "image_pull_secrets: expected"],
    [
      { denied_egress: "192.0.2.1/32,the API server" },
      'denied_egress: expected a network such as 10.0.0.0/8 or 192.0.2.1/32, got "the API server"',
    ],
    [{ denied_egress: "192.0.2.999/32" }, "denied_egress: expected a network"],
  ])("names what is wrong of %j", (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });
});
