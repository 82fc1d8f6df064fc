/** What `Platform` makes of its arguments and of what the cluster offers. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { Platform } from "../../components/index.ts";
import { readConfig as readGatewayConfig } from "../../services/gateway/config.ts";
import { readConfig as readOperatorConfig } from "../../services/operator/config.ts";
import { readConfig as readWorkerConfig } from "../../services/queue-worker/config.ts";
import {
  fakeCluster,
  find,
  IMAGES,
  recordRegistrations,
  reveal,
  waitForCount,
} from "./support/mocks.ts";
import { environmentOf, objectsOf, podOf, workloadsOf } from "./support/objects.ts";
import { withPlatform } from "./support/wrong-platform.ts";

const all = recordRegistrations();

afterAll(() => pulumi.runtime.disconnect());

describe("a platform on a cluster that offers more", () => {
  beforeAll(async () => {
    const cluster = fakeCluster({
      loadBalancer: true,
      networkPolicy: true,
      apiServerNetworks: pulumi.output(["192.0.2.1/32", "2001:db8::1/128"]),
      storageClass: undefined,
    });
    new Platform("q", {
      cluster,
      images: IMAGES,
      adminPassword: "pw",
      adminUser: "root",
      profile: "edge",
      gateway: {
        replicas: 3,
        timeoutSeconds: 120,
        maxInflight: 50,
        maxInflightPerFunction: 5,
        maxWaiting: 60,
        maxWaitingPerFunction: 6,
        trustedProxies: ["10.0.0.0/8", pulumi.output("fd00::/8")],
        callsServices: true,
        store: pulumi.output("https://example.com/store.json"),
        queueKeyRevision: 2,
      },
      queue: { maxInflight: 3 },
      adopt: true,
    });
    await waitForCount(all, 61);
  });

  it.each(["gateway", "queue-worker"])(
    "lets the %s end with its last call, which may take a day, unless it hangs",
    (component) => {
      const pod = podOf(all, `q-${component}`);
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(86_400 + 60);
      const [{ livenessProbe } = {}] = pod.containers;
      expect(livenessProbe).toMatchObject({ terminationGracePeriodSeconds: 10 });
    },
  );

  it("lets the queue-worker wait for its calls for a day, whatever the usual limit is", () => {
    const { drain_timeout } = environmentOf(all, "q-queue-worker");
    expect(drain_timeout).toBe("87000s");
  });

  it("gives the keys of private functions' calls to the gateway alone, and keeps them secret", () => {
    const names = ["gateway-queue-key-2", "gateway-queue-key"];
    for (const name of names) {
      const { data } = find(all, `q-${name}`).inputs;
      expect(JSON.stringify(data)).toContain(pulumi.runtime.specialSecretSig);
      const { key } = reveal(data) as { key: string };
      expect(Buffer.from(key, "base64").toString()).toMatch(/^[\w-]{43}$/);
    }
    const holders = workloadsOf(all, "q").filter(([, pod]) =>
      JSON.stringify(pod).includes("gateway-queue-key"),
    );
    expect(holders.map(([name]) => name)).toEqual(["q-gateway"]);
    const { volumes, containers } = podOf(all, "q-gateway");
    const sources = ["current", "previous"].map((path, index) => ({
      secret: { name: names[index], items: [{ key: "key", path }] },
    }));
    expect(volumes).toContainEqual({ name: "queue-keys", projected: { sources } });
    const mountPath = "/var/secrets/queue";
    expect(containers[0]?.["volumeMounts"]).toContainEqual({
      ...{ name: "queue-keys", mountPath, readOnly: true },
    });
    expect(environmentOf(all, "q-gateway")["queue_secret_path"]).toBe(mountPath);
  });

  it("takes a load balancer", () => {
    const { spec } = find(all, "q-gateway-external").inputs as { spec: Record<string, unknown> };
    expect(spec).toMatchObject({
      type: "LoadBalancer",
      ports: [{ name: "http", port: 8080, targetPort: "http" }],
    });
  });

  it("denies by default and allows what is needed, where policies are enforced", () => {
    const policies = objectsOf(all, "q").filter(({ type }) => type.endsWith(":NetworkPolicy"));
    expect(policies.map(({ name }) => name).sort()).toEqual([
      "q-allow-alertmanager-9093",
      "q-allow-functions",
      "q-allow-functions-out",
      "q-allow-gateway-8080",
      "q-allow-gateway-8082",
      "q-allow-nats-4222",
      "q-allow-node-exporter-9100",
      "q-allow-operator-8081",
      "q-allow-prometheus-9090",
      "q-allow-queue-worker-8081",
      "q-functions-deny",
      "q-platform-deny",
    ]);
    expect(find(all, "q-allow-functions").inputs["spec"]).toMatchObject({
      ingress: [
        {
          ports: [{ port: 8080, protocol: "TCP" }],
          from: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "gateway" } } }],
        },
        {
          ports: [{ port: 8081, protocol: "TCP" }],
          from: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "prometheus" } } }],
        },
      ],
    });
    expect(find(all, "q-allow-functions-out").inputs["spec"]).toMatchObject({
      policyTypes: ["Egress"],
      egress: [
        {
          to: [
            { ipBlock: { cidr: "0.0.0.0/0", except: ["169.254.0.0/16", "192.0.2.1/32"] } },
            { ipBlock: { cidr: "::/0", except: ["fd00:ec2::254/128", "2001:db8::1/128"] } },
          ],
        },
      ],
    });
    expect(find(all, "q-allow-gateway-8080").inputs["spec"]).not.toHaveProperty("ingress.0.from");
  });

  it("protects several gateways from being drained at once, and spreads them", () => {
    expect(find(all, "q-gateway-budget").inputs["spec"]).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    });
    expect(podOf(all, "q-gateway")).toMatchObject({
      topologySpreadConstraints: [
        { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "ScheduleAnyway" },
        { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
      ],
    });
  });

  it("keeps hours of metrics in the profile edge, and less memory", () => {
    const [container] = podOf(all, "q-prometheus").containers as { args: string[] }[];
    expect(container?.args).toContain("--storage.tsdb.retention.time=6h");
    expect(container).toMatchObject({ resources: { limits: { memory: "192Mi" } } });
  });

  it("leaves the StorageClass to the cluster when none is named", () => {
    const { spec } = find(all, "q-nats").inputs as {
      spec: { volumeClaimTemplates: { spec: Record<string, unknown> }[] };
    };
    expect(spec.volumeClaimTemplates[0]?.spec).not.toHaveProperty("storageClassName");
    expect(find(all, "q-nats-volume").inputs["spec"]).not.toHaveProperty("storageClassName");
  });

  it("passes its arguments on", () => {
    const seconds = 1000;
    const gateway = readGatewayConfig(environmentOf(all, "q-gateway"));
    expect(gateway.calls).toMatchObject({
      timeouts: { callMs: 120 * seconds },
      maxInflight: 50,
      maxInflightPerFunction: 5,
      maxWaiting: 60,
      trustedProxies: ["10.0.0.0/8", "fd00::/8"],
      serviceSuffix: "svc.cluster.local",
    });
    expect(gateway.scaleFromZero?.queueLength).toBe(6);
    expect(gateway.store).toEqual(new URL("https://example.com/store.json"));
    expect(gateway.readTimeoutMs).toBeGreaterThan(120 * seconds);
    const operator = readOperatorConfig(environmentOf(all, "q-operator"));
    expect(operator).toMatchObject({
      timeouts: { callMs: 120 * seconds },
      deniedEgress: ["192.0.2.1/32", "2001:db8::1/128"],
      hasNetworkPolicies: true,
    });
    const worker = readWorkerConfig(environmentOf(all, "q-queue-worker"));
    expect(worker.maxInflight).toBe(3);
    expect(worker.nats).toEqual(gateway.nats);
  });
});

describe("wrong arguments", () => {
  it.each([
    [{ profile: "huge" }, 'profile: expected one of standard, edge, got "huge"'],
    [{ gateway: { replicas: 0 } }, "gateway.replicas: expected a whole number from 1, got 0"],
    [
      { gateway: { trustedProxies: ["10.0.0.1", "10.0.0.0/33"] } },
      'gateway.trustedProxies[1]: expected a range such as 10.0.0.0/8, got "10.0.0.0/33"',
    ],
    [
      { gateway: { nodePort: 0 } },
      "gateway.nodePort: expected a whole number from 1 to 65535, got 0",
    ],
    [{ metrics: { volumeGiB: "5" } }, 'metrics.volumeGiB: expected a whole number from 1, got "5"'],
    [{ queue: { volumeGiB: 0.5 } }, "queue.volumeGiB: expected a whole number from 1, got 0.5"],
    [{ queue: { keyRevision: 0 } }, "queue.keyRevision: expected a whole number from 1, got 0"],
    [{ queue: { sync: "never" } }, 'queue.sync: expected one of always, interval, got "never"'],
    [
      { metrics: { retentionHours: -1 } },
      "metrics.retentionHours: expected a whole number from 1, got -1",
    ],
  ])("refuses %j", (args, message) => {
    expect(withPlatform(args)).toThrow(expect.objectContaining({ message, hideStack: true }));
  });
});
