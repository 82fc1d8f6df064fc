/** A platform on a NATS and a Prometheus that are there already. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { Gateway, Monitoring, Operator, Platform, Queue } from "../../components/index.ts";
import { readConfig as readGatewayConfig } from "../../services/gateway/config.ts";
import { readConfig as readOperatorConfig } from "../../services/operator/config.ts";
import { readConfig as readWorkerConfig } from "../../services/queue-worker/config.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, find, IMAGES, recordRegistrations, valueOf } from "./support/mocks.ts";
import { environmentOf, objectsOf, podOf } from "./support/objects.ts";
import { withPlatform } from "./support/wrong-platform.ts";

const all = recordRegistrations();

const CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The data of a Secret, which is registered as a secret: with a mark around it. */
function dataOf(name: string): unknown {
  return (find(all, name).inputs["data"] as { value: unknown }).value;
}

let platform: Platform;

beforeAll(async () => {
  platform = new Platform("p", {
    cluster: fakeCluster({ networkPolicy: true, apiServerNetworks: ["192.0.2.1/32"] }),
    images: IMAGES,
    adminPassword: "pw",
    queue: {
      existing: {
        url: pulumi.output("tls://nats.messages:4222"),
        user: "plonk",
        password: pulumi.secret("p w"),
        ca: CA,
      },
    },
    metrics: {
      scrapeIntervalSeconds: 15,
      existing: { url: "http://prometheus.monitoring:9090", namespace: "monitoring" },
    },
  });
  await settle();
});

afterAll(() => pulumi.runtime.disconnect());

it("makes neither of the two, and nothing that only they need", () => {
  const names = objectsOf(all, "p").map(({ name }) => name);
  const absent = /^p-(nats|prometheus|node-exporter|allow-(nats|prometheus|node-exporter)|.*-keys)/;
  expect(names.filter((name) => absent.test(name))).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(["p-gateway", "p-queue-worker", "p-alertmanager"]));
});

it("tells the services where they are, and gives the login to each that needs it", () => {
  const nats = { url: "tls://nats.messages:4222", secretPath: "/var/secrets/nats" };
  const gateway = readGatewayConfig(environmentOf(all, "p-gateway"));
  expect(gateway).toMatchObject({
    nats,
    prometheus: { url: "http://prometheus.monitoring:9090", secretPath: undefined },
  });
  expect(readWorkerConfig(environmentOf(all, "p-queue-worker")).nats).toEqual(nats);
  for (const component of ["gateway", "queue-worker"]) {
    expect(find(all, `p-${component}-nats`).inputs["metadata"]).toMatchObject({
      name: `${component}-nats`,
      namespace: "openfaas",
    });
    expect(dataOf(`p-${component}-nats`)).toEqual({
      user: base64("plonk"),
      password: base64("p w"),
      "ca.crt": base64(CA),
    });
    const { volumes, containers } = podOf(all, `p-${component}`);
    expect(volumes).toContainEqual({
      name: "nats-login",
      secret: { secretName: `${component}-nats` },
    });
    expect(containers[0]?.["volumeMounts"]).toContainEqual({
      name: "nats-login",
      mountPath: "/var/secrets/nats",
      readOnly: true,
    });
  }
});

it("opens metrics to the namespace of that Prometheus, and to no pods of its own", () => {
  const monitoring = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } },
  };
  const operators = { podSelector: { matchLabels: { "app.kubernetes.io/name": "operator" } } };
  expect(find(all, "p-allow-gateway-8082").inputs["spec"]).toMatchObject({
    ingress: [{ from: [operators, monitoring] }],
  });
  for (const name of ["alertmanager-9093", "queue-worker-8081", "operator-8081"]) {
    expect(find(all, `p-allow-${name}`).inputs["spec"]).toMatchObject({
      ingress: [{ from: [monitoring] }],
    });
  }
  expect(find(all, "p-allow-functions").inputs["spec"]).toMatchObject({
    ingress: [{}, { ports: [{ port: 8081, protocol: "TCP" }], from: [monitoring] }],
  });
  // Of other function namespaces the operator makes them.
  const operator = readOperatorConfig(environmentOf(all, "p-operator"));
  expect(operator.metricsNamespace).toBe("monitoring");
  expect(environmentOf(all, "p-operator")).toMatchObject({
    prometheus_url: "http://prometheus.monitoring:9090",
  });
});

it("says what that Prometheus is to be given, and where it is", async () => {
  const files = await valueOf(platform.prometheusConfig);
  expect(Object.keys(files)).toEqual(["prometheus.yml", "rules.yml"]);
  expect(parse(files["prometheus.yml"] ?? "")).toMatchObject({
    global: { scrape_interval: "15s" },
    alerting: {
      alertmanagers: [{ static_configs: [{ targets: ["alertmanager.openfaas:9093"] }] }],
    },
    scrape_configs: [{ job_name: "platform" }, { job_name: "functions" }],
  });
  expect(await valueOf(platform.prometheusUrl)).toBe("http://prometheus.monitoring:9090");
});

it("its parts take them, too", async () => {
  const place = { cluster: fakeCluster(), namespace: "openfaas", images: IMAGES };
  const nats = { url: "nats://nats.example.com", seed: `SU${"A".repeat(56)}` };
  const prometheus = { url: "https://metrics.example.com", namespace: "m", token: "t0ken" };
  const queue = new Queue("q", { ...place, existing: nats });
  const alerts = { user: "admin", secretName: "basic-auth" };
  const monitoring = new Monitoring("m", { ...place, alerts, existing: prometheus });
  const functionNamespace = "openfaas-fn";
  new Gateway("g", { ...place, functionNamespace, adminPassword: "pw", nats, prometheus });
  new Operator("o", { ...place, functionNamespace, image: IMAGES.operator, prometheus });
  await settle();
  expect(await valueOf(queue.natsUrl)).toBe(nats.url);
  expect(await valueOf(monitoring.prometheusUrl)).toBe(prometheus.url);
  expect(dataOf("q-queue-worker-nats")).toEqual({ "nkey.seed": base64(nats.seed) });
  expect(dataOf("g-gateway-prometheus")).toEqual({ token: base64("t0ken") });
  expect(readGatewayConfig(environmentOf(all, "g-gateway")).prometheus).toEqual({
    url: prometheus.url,
    secretPath: "/var/secrets/prometheus",
  });
  expect(dataOf("o-operator-prometheus")).toEqual({ token: base64("t0ken") });
  expect(readOperatorConfig(environmentOf(all, "o-operator")).prometheus).toEqual({
    url: prometheus.url,
    secretPath: "/var/secrets/prometheus",
  });
  const { volumes, containers } = podOf(all, "o-operator");
  expect(volumes).toContainEqual({
    name: "prometheus-login",
    secret: { secretName: "operator-prometheus" },
  });
  expect(containers[0]?.["volumeMounts"]).toContainEqual({
    name: "prometheus-login",
    mountPath: "/var/secrets/prometheus",
    readOnly: true,
  });
});

describe("wrong arguments", () => {
  const nats = { url: "nats://nats:4222" };
  const prometheus = { url: "http://prometheus:9090", namespace: "monitoring" };

  it.each<[object, string]>([
    [
      { queue: { existing: nats, volumeGiB: 2 } },
      "queue.volumeGiB: expected none beside queue.existing, got one",
    ],
    [
      { queue: { existing: nats, sync: "always" } },
      "queue.sync: expected none beside queue.existing, got one",
    ],
    [
      { queue: { existing: nats, keyRevision: 2 } },
      "queue.keyRevision: expected none beside queue.existing, got one",
    ],
    [
      { queue: { existing: nats, nats: {} } },
      "queue.nats: expected none beside queue.existing, got one",
    ],
    [
      { metrics: { existing: prometheus, retentionHours: 2 } },
      "metrics.retentionHours: expected none beside metrics.existing, got one",
    ],
    [
      { queue: { existing: { url: "http://nats:4222" } } },
      "queue.existing.url: expected nats://host:port or tls://host:port without credentials, " +
        'got "http://nats:4222"',
    ],
    [
      { queue: { existing: { url: "nats://user:hidden@nats" } } },
      "queue.existing.url: expected nats://host:port or tls://host:port without credentials, " +
        "got another",
    ],
    [
      { metrics: { existing: { ...prometheus, url: "prometheus:9090" } } },
      "metrics.existing.url: expected an http or https URL without credentials and without a " +
        'slash at its end, got "prometheus:9090"',
    ],
    [
      { metrics: { existing: { ...prometheus, namespace: "Monitoring" } } },
      "metrics.existing.namespace: expected 1 to 63 lower-case letters, digits and hyphens, " +
        'with a letter or digit at both ends (RFC 1123), got "Monitoring"',
    ],
    [
      { queue: { existing: { ...nats, user: "a" } } },
      "queue.existing.password: expected one beside user, got none",
    ],
    [
      { queue: { existing: { ...nats, privateKey: "hidden" } } },
      "queue.existing.certificate: expected one beside privateKey, got none",
    ],
    [
      { queue: { existing: { ...nats, token: "hidden", user: "a", password: "b" } } },
      "queue.existing: expected one way to log in, got user and token",
    ],
    [
      { queue: { existing: { ...nats, token: "" } } },
      "queue.existing.token: expected a text, got an empty text",
    ],
    [
      { queue: { existing: { ...nats, ca: "hidden" } } },
      "queue.existing.ca: expected certificates in PEM, got another",
    ],
    [
      { queue: { existing: { ...nats, certificate: CA, privateKey: "hidden" } } },
      "queue.existing.privateKey: expected a key in PEM, got another",
    ],
    [
      { queue: { existing: { ...nats, credentials: "hidden" } } },
      "queue.existing.credentials: expected a credentials file with a JWT and the seed of an " +
        "nkey, got another",
    ],
    [
      { queue: { existing: { ...nats, seed: "SAhidden" } } },
      "queue.existing.seed: expected the seed of a user's nkey, SU and 56 more letters and " +
        "digits, got another",
    ],
  ])("refuses %j", (args, message) => {
    expect(withPlatform(args)).toThrow(expect.objectContaining({ message, hideStack: true }));
  });
});
