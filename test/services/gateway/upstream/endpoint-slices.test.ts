/** What is kept of an EndpointSlice: where calls may go, and whose pods they are. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  createEndpointWatch,
  type RouteSlice,
} from "../../../../services/gateway/upstream/endpoint-slices.ts";
import type { KubernetesClient } from "../../../../services/lib/kubernetes.ts";
import type { ResourceWatch } from "../../../../services/lib/watch.ts";
import { FakeKubernetes } from "../../../support/fake-kubernetes.ts";
import { createKeptLog } from "../../../support/logs.ts";

const collection = (namespace: string): string =>
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;

const fake = new FakeKubernetes();
const { logger } = createKeptLog();
let client: KubernetesClient;
let watch: ResourceWatch<RouteSlice>;

beforeAll(async () => {
  client = await fake.start();
  watch = createEndpointWatch(client, undefined, logger);
  await watch.start().waitForSync();
});

afterAll(async () => {
  await watch.stop();
  await client.close();
  await fake.stop();
});

interface SliceParts {
  namespace?: string;
  labels?: Record<string, string>;
  endpoints?: unknown;
  ports?: unknown;
}

const OWN = { faas_function: "f", "kubernetes.io/service-name": "f" };

/** What is kept of a slice with these parts. */
async function keep(parts: SliceParts): Promise<RouteSlice | undefined> {
  const { namespace = "fn", labels = OWN, ...rest } = parts;
  fake.put(collection(namespace), { metadata: { name: "s", labels }, ...rest });
  await fake.settle();
  return watch.get(`${namespace}/s`);
}

const originsOf = (slice: RouteSlice | undefined): string[] | undefined =>
  slice?.pods.map(({ origin }) => origin);

const pod = (address: string, conditions?: object): object => ({
  addresses: [address, "192.0.2.99"],
  ...(conditions !== undefined && { conditions }),
});

describe("a pod", () => {
  test.each<[object | undefined, "ready" | "leaving" | "nowhere"]>([
    [undefined, "ready"],
    [{}, "ready"],
    [{ ready: true }, "ready"],
    [{ ready: null, serving: null, terminating: null }, "ready"],
    [{ ready: true, serving: true, terminating: false }, "ready"],
    [{ ready: false }, "nowhere"],
    [{ ready: false, serving: true, terminating: false }, "nowhere"],
    [{ ready: false, serving: true, terminating: true }, "leaving"],
    [{ ready: true, serving: true, terminating: true }, "leaving"],
    [{ ready: false, serving: false, terminating: true }, "nowhere"],
    [{ ready: false, serving: null, terminating: true }, "nowhere"],
  ])("with the conditions %j is %s", async (conditions, place) => {
    const endpoints = [pod("192.0.2.1", conditions)];
    const { pods } = (await keep({ endpoints, ports: [{ port: 80 }] })) ?? {};
    const origin = "http://192.0.2.1:80";
    expect(pods).toEqual(
      place === "nowhere" ? [] : [{ id: origin, origin, isLeaving: place === "leaving" }],
    );
  });

  test("is at its first address, in brackets where that is one of IPv6", async () => {
    const endpoints = [pod("192.0.2.1"), pod("fd00::1")];
    const slice = await keep({ endpoints, ports: [{ port: 80 }] });
    expect(originsOf(slice)).toEqual(["http://192.0.2.1:80", "http://[fd00::1]:80"]);
  });

  test.each([
    [undefined, 8080],
    [null, 8080],
    [[], 8080],
    [[{}], 8080],
    [[{ name: "web", port: 81 }], 81],
    [[{ port: 82 }, { name: "http", port: 83 }], 83],
    [[{ name: "metrics", port: 84 }, { port: 85 }], 84],
    [[{ name: "http" }, { name: "web", port: 86 }], 8080],
  ])("of the ports %j has %d", async (ports, port) => {
    const slice = await keep({ endpoints: [pod("192.0.2.1")], ports });
    expect(originsOf(slice)).toEqual([`http://192.0.2.1:${port}`]);
  });

  test.each([undefined, null, []])("is nowhere where the endpoints are %j", async (endpoints) => {
    expect(await keep({ endpoints })).toMatchObject({ pods: [] });
  });

  test.each([
    [undefined, "http://192.0.2.1:8080"],
    [null, "http://192.0.2.1:8080"],
    [{ kind: "Pod", name: "f-1" }, "http://192.0.2.1:8080"],
    [{ kind: "Pod", name: "f-1", uid: "one" }, "one"],
  ])("that the target %j names is known as %s", async (targetRef, id) => {
    const slice = await keep({ endpoints: [{ addresses: ["192.0.2.1"], targetRef }] });
    expect(slice?.pods.map((each) => each.id)).toEqual([id]);
  });
});

describe("a slice", () => {
  test.each([
    [OWN, "fn", "fn/f"],
    [OWN, "other", "other/f"],
    [{ ...OWN, more: "x" }, "fn", "fn/f"],
    [{ ...OWN, "kubernetes.io/service-name": "f-metrics" }, "fn", undefined],
    [{ faas_function: "f" }, "fn", undefined],
  ])("with the labels %j in %s is of %s", async (labels, namespace, routeKey) => {
    expect((await keep({ labels, namespace }))?.routeKey).toBe(routeKey);
  });

  test("that has nothing to do with a function is not even looked at", async () => {
    const labels = { "kubernetes.io/service-name": "f" };
    fake.put(collection("elsewhere"), { metadata: { name: "s", labels } });
    await fake.settle();
    expect(watch.get("elsewhere/s")).toBeUndefined();
  });

  test("keeps nothing else: there may be thousands", async () => {
    const slice = await keep({ endpoints: [pod("192.0.2.1")], ports: [{ port: 80 }] });
    expect(slice).toEqual({
      metadata: { name: "s", namespace: "fn", resourceVersion: expect.any(String) },
      routeKey: "fn/f",
      pods: [{ id: "http://192.0.2.1:80", origin: "http://192.0.2.1:80", isLeaving: false }],
    });
  });
});

test.each([
  ["fn", "/apis/discovery.k8s.io/v1/namespaces/fn/endpointslices"],
  [undefined, "/apis/discovery.k8s.io/v1/endpointslices"],
])("slices of the namespace %s are asked for at %s", async (namespace, path) => {
  const own = createEndpointWatch(client, namespace, logger);
  const before = fake.requests.length;
  await own.start().waitForSync();
  await own.stop();
  const [list] = fake.requests.slice(before);
  expect([list?.path, list?.query.get("labelSelector")]).toEqual([path, "faas_function"]);
});
