/** Which gateways there are, by the slices of their Service. */
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { GatewayEndpoints } from "../../../../services/operator/kubernetes/gateway-endpoints.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../../support/logs.ts";
import { until } from "../../../support/until.ts";
import type { WatchingClient } from "../../../support/watching-client.ts";

const SLICES = "/apis/discovery.k8s.io/v1/namespaces/openfaas/endpointslices";
let fake: FakeKubernetes;
let client: WatchingClient;
let gateways: GatewayEndpoints;

beforeEach(async () => {
  fake = new FakeKubernetes();
  client = await fake.start();
  gateways = new GatewayEndpoints(client, "openfaas", createKeptLog().logger);
});

afterEach(async () => {
  await gateways.stop();
  await client.close();
  await fake.stop();
});

function put(name: string, endpoints: object[] | null, service = "gateway"): void {
  const labels = { "kubernetes.io/service-name": service };
  fake.put(SLICES, { metadata: { name, labels }, endpoints });
}

const endpoint = (address: string, conditions = {}, uid?: string): object => ({
  addresses: [address],
  conditions,
  ...(uid !== undefined && { targetRef: { uid } }),
});

async function list(): Promise<ReturnType<GatewayEndpoints["list"]>> {
  gateways.start();
  await until("the first list", () => gateways.list() !== undefined);
  await fake.settle();
  return gateways.list();
}

describe("gateways", () => {
  it("are unknown until they were listed", () => {
    expect(gateways.list()).toBeUndefined();
  });

  it("are those of the Service in all its slices, whatever they are up to", async () => {
    put("gateway-1", [
      endpoint("10.0.0.1", { ready: true }),
      endpoint("10.0.0.2", { ready: false }),
      endpoint("10.0.0.3", { ready: false, serving: true, terminating: true }),
    ]);
    put("gateway-2", [endpoint("10.0.0.4", { ready: null })]);
    put("gateway-3", null);
    put("nats-1", [endpoint("10.0.0.9", { ready: true })], "nats");
    expect(await list()).toMatchObject([
      { address: "10.0.0.1", isReady: true, isLeaving: false },
      { address: "10.0.0.2", isReady: false, isLeaving: false },
      { address: "10.0.0.3", isReady: false, isLeaving: true },
      { address: "10.0.0.4", isReady: true, isLeaving: false },
    ]);
  });

  it("are there once where they have an address of each family", async () => {
    put("gateway-4", [endpoint("10.0.0.1", {}, "one"), endpoint("10.0.0.2", {}, "two")]);
    put("gateway-6", [endpoint("fd00::1", {}, "one"), endpoint("fd00::2", {}, "two")]);
    expect(await list()).toHaveLength(2);
  });

  it("come and go", async () => {
    expect(await list()).toStrictEqual([]);
    put("gateway-1", [endpoint("10.0.0.1")]);
    await fake.settle();
    expect(gateways.list()).toHaveLength(1);
    fake.remove(SLICES, "gateway-1");
    await fake.settle();
    expect(gateways.list()).toStrictEqual([]);
  });
});
