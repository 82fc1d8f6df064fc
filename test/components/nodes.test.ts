/** What programs find underneath a component: the objects themselves, under the names they have. */
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { CallbackFunction, Function, FunctionSecret, Platform } from "../../components/index.ts";
import { settle } from "./cluster/mocks.ts";
import { fakeCluster, IMAGES, recordRegistrations, valueOf } from "./support/mocks.ts";

recordRegistrations();

let platform: Platform;

beforeAll(async () => {
  platform = new Platform("p", {
    cluster: fakeCluster(),
    images: IMAGES,
    adminPassword: "pw",
    gateway: { ingress: { host: "gateway.example.com" } },
  });
  await settle();
});

afterAll(() => pulumi.runtime.disconnect());

/** Type and logical name of each. */
async function identify(
  nodes: Record<string, pulumi.Resource>,
): Promise<Record<string, string | undefined>> {
  const entries = Object.entries(nodes).map(async ([key, node]) => {
    const urn = await valueOf(node.urn);
    return [key, urn.split("::").slice(2).join(" ").split("$").at(-1)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

it("has the parts, and each has its objects", async () => {
  const { gateway, queue, monitoring, operator } = platform.nodes;
  expect(await identify({ gateway, queue, monitoring, operator })).toEqual({
    gateway: "plonk:index:Gateway p",
    queue: "plonk:index:Queue p",
    monitoring: "plonk:index:Monitoring p",
    operator: "plonk:index:Operator p",
  });
  expect(await identify({ ...gateway.nodes })).toEqual({
    deployment: "kubernetes:apps/v1:Deployment p-gateway",
    service: "kubernetes:core/v1:Service p-gateway-service",
    external: "kubernetes:core/v1:Service p-gateway-external",
    ingress: "kubernetes:networking.k8s.io/v1:Ingress p-gateway-ingress",
    secret: "kubernetes:core/v1:Secret p-basic-auth",
  });
  expect(await identify({ ...queue.nodes })).toEqual({
    nats: "kubernetes:apps/v1:StatefulSet p-nats",
    worker: "kubernetes:apps/v1:Deployment p-queue-worker",
  });
  expect(await identify({ ...monitoring.nodes })).toEqual({
    prometheus: "kubernetes:apps/v1:StatefulSet p-prometheus",
    nodeExporter: "kubernetes:apps/v1:DaemonSet p-node-exporter",
    alertmanager: "kubernetes:apps/v1:Deployment p-alertmanager",
  });
  expect(await identify({ ...operator.nodes })).toEqual({
    definition: "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition p-functions",
    profileDefinition: "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition p-profiles",
    deployment: "kubernetes:apps/v1:Deployment p-operator",
  });
});

it("has none of those that somebody else has", () => {
  const other = new Platform("o", {
    cluster: fakeCluster(),
    images: IMAGES,
    adminPassword: "pw",
    queue: { existing: { url: "nats://nats" } },
    metrics: { existing: { url: "http://prometheus:9090", namespace: "monitoring" } },
  });
  const { gateway, queue, monitoring } = other.nodes;
  expect(Object.keys(gateway.nodes)).toEqual(["deployment", "service", "external", "secret"]);
  expect(Object.keys(queue.nodes)).toEqual(["worker"]);
  expect(Object.keys(monitoring.nodes)).toEqual(["alertmanager"]);
});

it("has the objects of functions and secrets", async () => {
  const image = new Function("image", { platform, image: "example.com/f:1" });
  const callback = new CallbackFunction("callback", { platform, callback: () => "x" });
  const secret = new FunctionSecret("secret", { platform, value: "x" });
  expect(await identify({ ...image.nodes })).toEqual({
    function: "kubernetes:openfaas.com/v1:Function image-function",
  });
  expect(await identify({ ...callback.nodes })).toEqual({
    function: "kubernetes:openfaas.com/v1:Function callback-function",
    code: "kubernetes:core/v1:ConfigMapPatch callback-code",
  });
  expect(await identify({ ...secret.nodes })).toEqual({
    secret: "kubernetes:core/v1:Secret secret-secret",
  });
});
