/**
 * Replicas by load on a real API server, by an operator with its real rights; two gateways are
 * played, as their numbers are what it goes by.
 */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { GatewayLoads } from "../../../contract/gateway-loads.ts";
import { resourcePath } from "../../../services/lib/kubernetes.ts";
import { Registry } from "../../../services/lib/metrics.ts";
import { createOperator } from "../../../services/operator/app.ts";
import { readConfig } from "../../../services/operator/config.ts";
import { collectCleanups } from "../../support/cleanup.ts";
import { FakeGateway, locateGateway } from "../../support/fake-gateway.ts";
import { createKeptLog } from "../../support/logs.ts";
import { until } from "../../support/until.ts";
import { eventually, TestCluster } from "./cluster.ts";
import { connectAs, grantRights } from "./rights.ts";

const namespace = "openfaas-fn";
const log = createKeptLog("debug");
const registry = new Registry();
const atEnd = collectCleanups(afterAll, 60_000);
const ADDRESSES = ["10.42.0.11", "10.42.0.12"];
const HOUR = 3_600_000;
let cluster: TestCluster;
let gateways: [FakeGateway, FakeGateway];

beforeAll(async () => {
  cluster = await TestCluster.start();
  atEnd(() => cluster.stop());
  await grantRights(cluster);
  gateways = [await FakeGateway.start(), await FakeGateway.start()];
  gateways.forEach((gateway) => atEnd(() => gateway.stop()));
  await putSlice(ADDRESSES);
  const client = await connectAs(cluster, "operator");
  atEnd(() => client.close());
  const config = readConfig({ pod_name: "operator-1" });
  const operator = createOperator({
    ...{ client, config, logger: log.logger, registry },
    locateGateway: (address) => {
      const gateway = gateways[ADDRESSES.indexOf(address)];
      return locateGateway(gateway?.address ?? "0");
    },
  });
  atEnd(() => operator.stop());
  await operator.start();
});

/** Says where the gateways are, as Kubernetes does for the Service. */
async function putSlice(addresses: readonly string[]): Promise<void> {
  const metadata = {
    name: "gateway-1",
    namespace: "openfaas",
    labels: { "kubernetes.io/service-name": "gateway" },
  };
  const path = resourcePath({ group: "discovery.k8s.io", plural: "endpointslices", ...metadata });
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata,
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: "http", port: 8080 }],
  };
  await cluster.client.apply(path, slice, { fieldManager: "test", force: true });
}

/** What all gateways say from now on. @param rps calls each second at each of them */
function play(name: string, { rps = 0, idleMs = 0, queued = 0 }): void {
  const began = performance.now();
  for (const gateway of gateways) {
    gateway.answer = (): GatewayLoads => {
      const now = performance.now();
      const started = Math.floor(((now - began) / 1000) * rps);
      return {
        ageMs: HOUR + now,
        functions: { [`${name}.${namespace}`]: [started, rps > 0 ? 1 : 0, 0, idleMs] },
        queue: queued > 0 ? { [`${name}.${namespace}`]: queued } : {},
      };
    };
  }
}

const labels = (values: Record<string, string>) => ({
  labels: Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`com.openfaas.scale.${key}`, value]),
  ),
});

const replicasOf = async (name: string): Promise<number | undefined> =>
  (await cluster.readFunction(name))?.spec.replicas;

const untilReplicas = (name: string, replicas: number): Promise<void> =>
  until(`${replicas} replicas of ${name}`, async () => (await replicasOf(name)) === replicas);

async function untilLooks(count: number): Promise<void> {
  const asked = gateways[0].asked.length;
  await until(`${count} looks`, () => gateways[0].asked.length >= asked + count);
}

async function eventsOf(name: string): Promise<{ reason: string; message: string }[]> {
  const { items } = await cluster.client.request<{
    items: { reason: string; message: string; involvedObject: { kind: string } }[];
  }>(resourcePath({ plural: "events", namespace }), {
    query: { fieldSelector: `involvedObject.name=${name},involvedObject.kind=Function` },
  });
  return items.map(({ reason, message }) => ({ reason, message }));
}

describe("a function that its load scales", () => {
  it("grows with the calls at all gateways, and its Deployment with it", async () => {
    await cluster.applyFunction("busy", labels({ type: "rps", target: "100", max: "6" }));
    await untilReplicas("busy", 1);
    play("busy", { rps: 200 });
    // 400 calls a second, of which a pod is to have 90.
    await untilReplicas("busy", 5);
    await until("its Deployment to follow", async () => {
      const deployment = await cluster.readDeployment("busy");
      return deployment?.spec?.replicas === 5;
    });
  });

  it("says why in its condition, in Events and in the metrics", async () => {
    await cluster.runPods("busy", 5);
    const scaled = await eventually(async () => {
      const conditions = (await cluster.readFunction("busy"))?.status?.conditions;
      return conditions?.find(({ type, status }) => type === "Scaled" && status === "True");
    });
    expect(scaled).toMatchObject({ reason: "WithinLimits" });
    expect(scaled.message).toMatch(
      /^5 of 5 replicas are available; last change: LoadRose: from \d to 5 replicas, as rps is \d+ /,
    );
    const events = await eventually(async () => {
      const all = await eventsOf("busy");
      return all.some(({ message }) => message.includes("to 5 replicas")) && all;
    });
    expect(events.map(({ reason }) => reason)).toContain("LoadRose");
    expect(await registry.metrics()).toMatch(
      /operator_scale_decisions_total\{function_name="busy.openfaas-fn",reason="LoadRose"\} [1-9]/,
    );
  });

  it("has other limits as soon as it names them", async () => {
    await cluster.applyFunction("busy", labels({ type: "rps", target: "100", max: "3" }));
    await untilReplicas("busy", 3);
    await cluster.applyFunction("busy", labels({ type: "rps", target: "100", min: "8" }));
    await untilReplicas("busy", 8);
  });

  it("goes by those gateways that there are", async () => {
    const signals = [{ type: "rps", target: 10, proportion: 1 }];
    await cluster.applyFunction("kept", { scale: { down: { windowSeconds: 0 }, signals } });
    play("kept", { rps: 17.5 });
    await untilReplicas("kept", 4);
    await putSlice(ADDRESSES.slice(0, 1));
    await untilReplicas("kept", 2);
    await putSlice(ADDRESSES);
    await untilReplicas("kept", 4);
  });
});

describe("a function that goes to zero", () => {
  it("does so when it is idle at all gateways, and wakes for a call that is queued", async () => {
    play("lazy", { idleMs: HOUR });
    await cluster.applyFunction("lazy", labels({ zero: "true", "zero-duration": "10s" }));
    await untilReplicas("lazy", 1);
    await untilReplicas("lazy", 0);
    await cluster.waitForReason("lazy", "ScaledToZero");
    play("lazy", { idleMs: HOUR, queued: 2 });
    await untilReplicas("lazy", 1);
    const events = await eventually(async () => {
      const all = await eventsOf("lazy");
      return all.some(({ reason }) => reason === "Called") && all;
    });
    expect(events).toContainEqual({
      reason: "Idle",
      message: "from 1 to 0 replicas, as nobody has called it for 10s",
    });
  });
});

describe("a function that says nothing of its load", () => {
  it("is left to alerts, and to whoever scales it by hand", async () => {
    play("plain", { rps: 500 });
    await cluster.applyFunction("plain", labels({ min: "1", max: "9" }));
    await untilReplicas("plain", 1);
    await cluster.scale("plain", 4);
    await untilLooks(3);
    expect(await replicasOf("plain")).toBe(4);
  });
});
