/** The gateway's settings. */
import { describe, expect, test } from "@jest/globals";
import { GatewayEnvironment } from "../../../contract/environment/index.ts";
import { readConfig } from "../../../services/gateway/config.ts";
import { ConfigError } from "../../../services/lib/config.ts";

describe("readConfig", () => {
  test("has OpenFaaS' defaults", () => {
    expect(readConfig({})).toMatchObject({
      port: 8080,
      metricsPort: 8082,
      readTimeoutMs: 65_000,
      writeTimeoutMs: 65_000,
      calls: {
        timeouts: { connectMs: 3000, firstByteMs: 0, idleMs: 300_000, callMs: 60_000 },
        maxInflight: 1000,
        maxWaiting: 1000,
        maxInflightPerFunction: 0,
        maxHeldBytes: 33_554_432,
        trustedProxies: [],
        serviceSuffix: undefined,
      },
      nats: undefined,
      workers: undefined,
      prometheus: { url: "http://prometheus:9090", secretPath: undefined },
      secretMountPath: undefined,
      queueSecretPath: undefined,
      scaleFromZero: { timeoutMs: 60_000, queueLength: 1000 },
      functionNamespace: "openfaas-fn",
      store: "own",
      logLevel: "info",
    });
  });

  test("reads where the function store is from, and shows no credentials that are in it", () => {
    const read = (function_store: string): unknown => readConfig({ function_store }).store;
    expect([read("own"), read("off")]).toEqual(["own", "off"]);
    expect(read("https://example.com/a@b/store.json")).toEqual(
      new URL("https://example.com/a@b/store.json"),
    );
    expect(() => read("https://user:secret@example.com/")).toThrow(
      new ConfigError(
        "function_store: expected own, off, or an https URL without credentials and query, got one with credentials",
      ),
    );
  });

  test("reads how many queue-workers there may be", () => {
    const queue = { faas_nats_address: "nats", queue_workers_max: "4" };
    expect(readConfig(queue).workers).toEqual({
      min: 1,
      max: 4,
      callsPerWorker: 100,
      maxWaitMs: 30_000,
      quietMs: 60_000,
    });
    const all = {
      queue_workers_min: "0",
      queue_calls_per_worker: "7",
      queue_workers_max_wait: "5s",
      queue_workers_quiet: "2m",
    };
    expect(readConfig({ ...queue, ...all }).workers).toEqual({
      min: 0,
      max: 4,
      callsPerWorker: 7,
      maxWaitMs: 5000,
      quietMs: 120_000,
    });
    expect(readConfig({ faas_nats_address: "nats", ...all }).workers).toBeUndefined();
  });

  test.each([
    [
      { queue_workers_min: "5" },
      "queue_workers_min: expected at most queue_workers_max (4), got 5",
    ],
    [{ queue_workers_max: "0" }, "queue_workers_max"],
    [{ queue_workers_min: "-1" }, "queue_workers_min"],
    [{ queue_calls_per_worker: "0" }, "queue_calls_per_worker"],
    [{ queue_workers_quiet: "soon" }, "queue_workers_quiet"],
  ])("refuses %p", (wrong, message) => {
    const env = { faas_nats_address: "nats", queue_workers_max: "4", ...wrong };
    expect(() => readConfig(env)).toThrow(message);
  });

  test("refuses to scale the workers of no queue", () => {
    expect(() => readConfig({ queue_workers_max: "4" })).toThrow(
      "queue_workers_max: expected with nats_url, got no queue",
    );
  });

  test("reads every variable", () => {
    const config = readConfig({
      port: "1",
      metrics_port: "2",
      read_timeout: "1m5s",
      upstream_timeout: "5",
      connect_timeout: "1",
      first_byte_timeout: "2",
      idle_timeout: "3s",
      max_inflight: "7",
      max_waiting: "10",
      max_inflight_per_function: "8",
      max_held_bytes: "9",
      trusted_proxies: "10.0.0.0/8, fd00::/8",
      direct_functions: "true",
      direct_functions_suffix: "svc.local",
      faas_nats_address: "nats",
      basic_auth: "true",
      secret_mount_path: "/s",
      queue_secret_path: "/m",
      scale_from_zero: "yes",
      function_namespace: "fn",
    });
    expect(config).toMatchObject({
      port: 1,
      metricsPort: 2,
      readTimeoutMs: 65_000,
      calls: {
        timeouts: { connectMs: 1000, firstByteMs: 2000, idleMs: 3000, callMs: 5000 },
        maxInflight: 7,
        maxWaiting: 10,
        maxInflightPerFunction: 8,
        maxHeldBytes: 9,
        trustedProxies: ["10.0.0.0/8", "fd00::/8"],
        serviceSuffix: "svc.local",
      },
      nats: { url: "nats://nats:4222", secretPath: undefined },
      queueSecretPath: "/m",
      secretMountPath: "/s",
      functionNamespace: "fn",
    });
    expect(config.scaleFromZero).toBeUndefined();
  });

  test("takes servers that are there by their addresses, in the place of hosts and ports", () => {
    const { nats, prometheus } = readConfig({
      faas_nats_address: "nats",
      nats_url: "tls://nats.example.com",
      nats_secret_path: "/var/secrets/nats",
      faas_prometheus_host: "prometheus",
      prometheus_url: "https://metrics.example.com/prometheus",
      prometheus_secret_path: "/var/secrets/prometheus",
    });
    expect(nats).toEqual({ url: "tls://nats.example.com", secretPath: "/var/secrets/nats" });
    expect(prometheus).toEqual({
      url: "https://metrics.example.com/prometheus",
      secretPath: "/var/secrets/prometheus",
    });
  });

  test.each([
    ["nats_url", "http://nats:4222"],
    ["nats_url", "nats://user:password@nats:4222"],
    ["nats_url", "nats://nats:4222/"],
    ["prometheus_url", "prometheus:9090"],
    ["prometheus_url", "http://user@prometheus"],
    ["prometheus_url", "http://prometheus:9090/"],
    ["prometheus_url", "http://prometheus:9090/?a=b"],
  ])("refuses %s of %s", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(`${name}: expected to match pattern`);
  });

  test.each(["10.0.0.0/33", "somewhere", "10.0.0.0/8/8", "fd00::/"])(
    "refuses %s as a range of proxies",
    (range) => {
      expect(() => readConfig({ trusted_proxies: `192.0.2.7, ${range}` })).toThrow(
        `trusted_proxies: expected a range such as 10.0.0.0/8, got "${range}"`,
      );
    },
  );

  test("takes tokens of an issuer, and never without an audience", () => {
    expect(readConfig({}).oidc).toBeUndefined();
    const issuer = "https://issuer.example";
    expect(readConfig({ oidc_issuer: issuer, oidc_audience: "plonk" }).oidc).toEqual({
      issuer,
      audience: "plonk",
      rolesClaim: "roles",
      rolePrefix: "plonk:",
    });
    expect(() => readConfig({ oidc_issuer: issuer })).toThrow(
      "oidc_audience: expected with oidc_issuer, got nothing",
    );
  });

  test("names a wrong variable", () => {
    expect(() => readConfig({ upstream_timeout: "soon" })).toThrow(
      'upstream_timeout: expected a duration such as 1m5s or whole seconds, got "soon"',
    );
  });
});

describe("every variable", () => {
  /** Any text will do: names, folders, and booleans, of which only the word `true` is true. */
  const TEXTS = [
    ...["direct_functions", "direct_functions_suffix", "basic_auth", "scale_from_zero"],
    ...["cluster_scope", "faas_nats_address", "nats_secret_path", "faas_prometheus_host"],
    ...["prometheus_secret_path", "secret_mount_path", "queue_secret_path", "oidc_audience"],
    ...["oidc_roles_claim", "oidc_role_prefix", "function_namespace", "platform_namespace"],
    ...["assets_directory", "runtime_image"],
  ];
  const names = Object.keys(GatewayEnvironment.properties);

  /** The lines of the error by which settings are refused. */
  function refuse(env: Record<string, string>): string[] {
    try {
      readConfig(env);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as Error).message.split("\n");
    }
    throw new Error("expected a refusal, got none");
  }

  test("is refused by its name where it makes no sense, and not only the first one", () => {
    // These are read when the others are right.
    const late = ["trusted_proxies", "callback_allow", "function_store"];
    const wrong = names.filter((name) => ![...TEXTS, ...late].includes(name));
    const env = Object.fromEntries(wrong.map((name) => [name, "no \u0001 sense"]));
    const told = refuse(env).map((line) => /^(\w+): expected .*, got "no/.exec(line)?.[1]);
    expect(wrong.length).toBeGreaterThan(20);
    expect(told.sort()).toEqual(wrong.sort());
    for (const name of late) {
      expect(refuse({ [name]: "no/sense" })).toEqual([
        expect.stringMatching(new RegExp(`^${name}: expected .*, got "no/sense"$`)),
      ]);
    }
  });

  test("counts as not set where it is empty", () => {
    const env = Object.fromEntries(names.map((name) => [name, ""]));
    expect(readConfig(env)).toEqual(readConfig({}));
  });

  test("is told with what was expected of it", () => {
    const env = { port: "-1", max_inflight: "1.5", log_level: "loud", read_timeout: "-1s" };
    expect(refuse(env).sort()).toEqual([
      'log_level: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"',
      'max_inflight: expected integer, got "1.5"',
      'port: expected >= 0, got "-1"',
      'read_timeout: expected a duration such as 1m5s or whole seconds, got "-1s"',
    ]);
  });
});
