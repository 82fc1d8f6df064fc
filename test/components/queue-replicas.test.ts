/** A queue on three servers: the objects that make them a cluster, and what is refused. */
import { X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform, type QueueOptions } from "../../components/index.ts";
import { createRouteIdentity, toRouteHosts } from "../../components/queue/nats-identity.ts";
import { refuseResize } from "../../components/queue/nats-servers.ts";
import { settle } from "./cluster/mocks.ts";
import { type FakeApi, startFakeApi, toKubeconfig } from "./support/fake-api.ts";
import { fakeCluster, IMAGES, recordRegistrations } from "./support/mocks.ts";

const SELECTOR = { "app.kubernetes.io/name": "nats", "app.kubernetes.io/instance": "plonk" };

const registrations = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

function create(name: string, queue: QueueOptions): Platform {
  return new Platform(name, {
    cluster: fakeCluster({ networkPolicy: true }),
    images: IMAGES,
    adminPassword: "pw",
    queue,
  });
}

function find(name: string): Record<string, unknown> | undefined {
  return registrations.find((each) => each.name === name)?.inputs;
}

interface Pod {
  affinity?: unknown;
  volumes: { name: string }[];
  containers: {
    ports: { name: string; containerPort: number }[];
    readinessProbe: { httpGet: { path: string } };
    env: { name: string; value: string }[];
  }[];
}

function podOf(name: string): Pod {
  const { template } = find(name)?.["spec"] as { template: { spec: Pod } };
  return template.spec;
}

function variablesOf(name: string): Record<string, string> {
  const env = podOf(name).containers[0]?.env ?? [];
  return Object.fromEntries(env.map((each) => [each.name, each.value]));
}

beforeAll(async () => {
  create("one", {});
  create("three", { replicas: 3, deadLetterDays: 7, retryHours: 48, callbacks: { retryHours: 2 } });
  create("other", { existing: { url: "nats://nats" } });
  create("copies", { existing: { url: "nats://nats" }, replicas: 3 });
  await settle();
});

describe("three servers", () => {
  it("start together, and are named by a Service without an address", () => {
    expect(find("three-nats")?.["spec"]).toMatchObject({
      replicas: 3,
      serviceName: "nats-cluster",
      podManagementPolicy: "Parallel",
    });
    expect(find("three-nats-routes")).toMatchObject({
      metadata: { name: "nats-cluster", namespace: "openfaas" },
      spec: {
        clusterIP: "None",
        publishNotReadyAddresses: true,
        ports: [{ name: "cluster", port: 6222, targetPort: "cluster" }],
      },
    });
  });

  it("are on machines of their own, and leave them one after the other", () => {
    expect(podOf("three-nats").affinity).toEqual({
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: "kubernetes.io/hostname",
            labelSelector: { matchLabels: SELECTOR },
          },
        ],
      },
    });
    expect(find("three-nats-budget")?.["spec"]).toMatchObject({ maxUnavailable: 1 });
  });

  it("are ready when they have caught up", () => {
    expect(podOf("three-nats").containers[0]?.readinessProbe.httpGet.path).toBe("/healthz");
  });

  it("have a volume each", () => {
    for (const [name, claim] of [
      ["three-nats-volume", "data-nats-0"],
      ["three-nats-volume-1", "data-nats-1"],
      ["three-nats-volume-2", "data-nats-2"],
    ] as const) {
      expect(find(name)?.["metadata"]).toMatchObject({ name: claim });
    }
  });

  it("know each other by certificates of an authority of their own", () => {
    const { data } = find("three-nats-config") as { data: Record<string, string> };
    const config = data["nats.conf"] ?? "";
    expect(config.slice(config.indexOf("cluster {"), config.indexOf("authorization"))).toBe(
      [
        "cluster {",
        "  name: plonk",
        "  port: 6222",
        "  no_advertise: true",
        "  tls {",
        '    cert_file: "/etc/nats-routes/tls.crt"',
        '    key_file: "/etc/nats-routes/tls.key"',
        '    ca_file: "/etc/nats-routes/ca.crt"',
        "    verify: true",
        '    min_version: "1.3"',
        "    timeout: 10",
        "  }",
        "  routes: [",
        '    "tls://nats-0.nats-cluster.openfaas.svc:6222"',
        '    "tls://nats-1.nats-cluster.openfaas.svc:6222"',
        '    "tls://nats-2.nats-cluster.openfaas.svc:6222"',
        "  ]",
        "}",
        "",
      ].join("\n"),
    );
    expect(find("three-route-nats-keys")).toBeDefined();
    expect(podOf("three-nats").volumes.map(({ name }) => name)).toContain("routes");
  });

  it("may talk to each other, and nobody else to them there", () => {
    expect(find("three-allow-nats-6222")?.["spec"]).toEqual({
      podSelector: { matchLabels: SELECTOR },
      policyTypes: ["Ingress"],
      ingress: [
        {
          ports: [{ port: 6222, protocol: "TCP" }],
          from: [{ podSelector: { matchLabels: SELECTOR } }],
        },
      ],
    });
  });

  it("have the streams that gateway and queue-worker are told of", () => {
    for (const name of ["three-gateway", "three-queue-worker"]) {
      expect(variablesOf(name)).toMatchObject({ queue_replicas: "3", dead_letter_age: "168h" });
    }
    expect(variablesOf("three-queue-worker")).toMatchObject({
      max_age: "48h",
      callback_max_age: "2h",
    });
  });
});

describe("one server", () => {
  it("has none of that", () => {
    expect(find("one-nats")?.["spec"]).toMatchObject({ replicas: 1, serviceName: "nats" });
    expect(find("one-nats")?.["spec"]).not.toHaveProperty("podManagementPolicy");
    expect(podOf("one-nats").affinity).toBeUndefined();
    expect(podOf("one-nats").containers[0]?.readinessProbe.httpGet.path).toBe(
      "/healthz?js-enabled-only=true",
    );
    const absent = ["nats-routes", "nats-budget", "nats-volume-1", "route-nats-keys"];
    expect([...absent, "allow-nats-6222"].filter((name) => find(`one-${name}`))).toEqual([]);
    expect(variablesOf("one-gateway")).toMatchObject({ queue_replicas: "1" });
  });
});

describe("a NATS of somebody else's", () => {
  it("has its streams as they are, or on as many servers as the program says", () => {
    expect(variablesOf("other-gateway")).not.toHaveProperty("queue_replicas");
    expect(variablesOf("other-queue-worker")).not.toHaveProperty("queue_replicas");
    expect(variablesOf("copies-gateway")).toMatchObject({ queue_replicas: "3" });
    expect(variablesOf("copies-queue-worker")).toMatchObject({ queue_replicas: "3" });
    expect(find("copies-allow-nats-6222")).toBeUndefined();
  });
});

it("the certificate for routes names all servers, for both ends of a connection", async () => {
  const files = await createRouteIdentity(toRouteHosts("ns", 3));
  const certificate = new X509Certificate(files["tls.crt"] ?? "");
  expect(certificate.subjectAltName).toBe(
    [0, 1, 2].map((number) => `DNS:nats-${number}.nats-cluster.ns.svc`).join(", "),
  );
  // TLS server and client (RFC 5280 §4.2.1.12).
  expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  const authority = new X509Certificate(files["ca.crt"] ?? "");
  expect(certificate.verify(authority.publicKey)).toBe(true);
});

describe("wrong numbers are refused in the preview", () => {
  it.each<[QueueOptions, string]>([
    [
      { replicas: 2 },
      "replicas: expected 1 or 3 (servers of NATS; pods of the queue-worker are `workers`), got 2",
    ],
    [{ replicas: 0 }, "replicas: expected a whole number from 1, got 0"],
    [{ deadLetterDays: 0 }, "deadLetterDays: expected a whole number from 1 to 3650, got 0"],
    [{ deadLetterDays: 4000 }, "deadLetterDays: expected a whole number from 1 to 3650, got 4000"],
    [{ retryHours: 0.5 }, "retryHours: expected a whole number from 1, got 0.5"],
    [
      { callbacks: { retryHours: 0 } },
      "callbacks.retryHours: expected a whole number from 1, got 0",
    ],
  ])("%p", (queue, message) => {
    expect(() => create("w", queue)).toThrow(`queue.${message}`);
  });
});

describe("another number than that of the NATS which is there", () => {
  const PATH = "/apis/apps/v1/namespaces/openfaas/statefulsets/nats";
  let api: FakeApi | undefined;

  afterEach(() => api?.stop());

  async function refuse(
    there: Record<string, unknown> | undefined,
    replicas: number,
  ): Promise<void> {
    api = await startFakeApi(there === undefined ? {} : { [PATH]: there });
    const kubeconfig = toKubeconfig(api.url, "here");
    await refuseResize(kubeconfig, { namespace: "openfaas", replicas }, true);
  }

  const one = { spec: { replicas: 1, podManagementPolicy: "OrderedReady" } };
  const three = { spec: { replicas: 3, podManagementPolicy: "Parallel" } };

  it("is taken where there is none, and the same where there is one", async () => {
    await expect(refuse(undefined, 3)).resolves.toBeUndefined();
    await expect(refuse(one, 1)).resolves.toBeUndefined();
    await expect(refuse(three, 3)).resolves.toBeUndefined();
  });

  it("is taken of a cluster that somebody has scaled: it is the same one", async () => {
    const scaled = { spec: { ...three.spec, replicas: 0 } };
    await expect(refuse(scaled, 3)).resolves.toBeUndefined();
  });

  it.each([
    [one, 3, 1],
    [three, 1, 3],
  ])("is refused, as what waits would be lost: %j", async (there, replicas, known) => {
    await expect(refuse(there, replicas)).rejects.toThrow(
      `replicas: expected that of the NATS which is there (${known}), as another number begins ` +
        `with an empty store and what waits would be lost, got ${replicas}; when the queue is ` +
        "empty, delete the StatefulSet nats first",
    );
  });
});
