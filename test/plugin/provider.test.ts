/** The components for programs in other languages, as the engine asks for them. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { DependencyProviderResource } from "@pulumi/pulumi/resource.js";
import { UNKNOWN } from "../../components/unknown.ts";
import { ComponentProvider } from "../../plugin/provider.ts";
import {
  collectRegistrations,
  type Registration,
  settle,
  valueOf,
} from "../components/cluster/mocks.ts";
import { type FakeApi, startFakeApi } from "../components/support/fake-api.ts";
import { answersOfCluster } from "../components/support/fake-cluster.ts";

const provider = new ComponentProvider();
const PLATFORM = {
  gatewayUrl: pulumi.output("http://192.0.2.1:31112"),
  functionNamespace: pulumi.output("openfaas-fn"),
  runtimeImage: "plonk.local/runtime:1@sha256:04",
};
/** As Pulumi makes it of a provider in the options of a program in another language. */
const PROVIDER = new DependencyProviderResource(
  "urn:pulumi:test::plonk::pulumi:providers:kubernetes::theirs::theirs-id",
);
const IMAGES = { queueWorker: "plonk.local/queue-worker:1@sha256:02", nats: "nats:1@sha256:05" };

let api: FakeApi;
let registrations: Registration[] = [];

beforeAll(async () => {
  api = await startFakeApi(answersOfCluster());
});

beforeEach(() => {
  registrations = collectRegistrations();
});

afterAll(() => pulumi.runtime.disconnect());

function construct(type: string, inputs: pulumi.Inputs): Promise<pulumi.provider.ConstructResult> {
  return provider.construct("it", `plonk:index:${type}`, inputs, {});
}

describe("a component", () => {
  it("on a cluster by plain values is made there, with the cluster and its provider below it", async () => {
    const kubeconfig = pulumi.secret(api.kubeconfig);
    const cluster = { kubeconfig, context: "here", capabilities: { storageClass: "gp3" } };
    const { urn, state } = await construct("Queue", { cluster, namespace: "jobs", images: IMAGES });
    await settle();
    expect(await valueOf(pulumi.output(urn))).toMatch(/::plonk:index:Queue::it$/);
    expect(Object.keys(state)).toEqual(["natsUrl", "gatewaySecretName"]);
    expect(await valueOf(state["natsUrl"] as pulumi.Output<string>)).toBe("tls://nats.jobs:4222");
    const rows = registrations.map(({ type, name }) => `${type} ${name}`);
    expect(rows.slice(0, 3)).toEqual([
      "plonk:index:Queue it",
      "plonk:index:ExistingCluster it",
      "pulumi:providers:kubernetes it",
    ]);
    const volume = registrations.find(({ name }) => name === "it-nats-volume");
    expect(volume?.inputs["spec"]).toMatchObject({ storageClassName: "gp3" });
    const { secrets } = registrations.find(({ type }) => type.includes("providers")) ?? {};
    expect(secrets).toEqual(["kubeconfig"]);
  });

  it("returns every output of its schema", async () => {
    const { state } = await provider.construct(
      "figlet",
      "plonk:index:Function",
      { platform: PLATFORM, image: "ghcr.io/openfaas/figlet:0.1.0" },
      { providers: { kubernetes: PROVIDER } },
    );
    await settle();
    expect(await valueOf(pulumi.output(state))).toEqual({
      name: "figlet",
      url: "http://192.0.2.1:31112/function/figlet",
      asyncUrl: "http://192.0.2.1:31112/async-function/figlet",
    });
  });
});

describe("an argument that decides what is made is refused as an output", () => {
  const later = pulumi.output("later");
  it.each<[string, string, pulumi.Inputs]>([
    ["profile", "Platform", { profile: later }],
    ["cluster", "Platform", { cluster: pulumi.output("kubeconfig") }],
    ["gateway.replicas", "Platform", { gateway: { replicas: later } }],
    [
      "cluster.capabilities.loadBalancer",
      "Queue",
      { cluster: { capabilities: { loadBalancer: later } } },
    ],
    ["queueNames[1]", "Gateway", { queueNames: ["slow", later] }],
    ["servers[0].directory", "K3sCluster", { servers: [{ directory: later }] }],
  ])("%s", async (propertyPath, type, inputs) => {
    const refused: unknown = await construct(type, inputs).catch((error: unknown) => error);
    expect(pulumi.InputPropertyError.isInstance(refused)).toBe(true);
    expect(refused).toMatchObject({
      propertyPath,
      reason: "expected a value that the program itself knows, got an output of a resource",
    });
    expect(registrations).toEqual([]);
  });
});

it("what may be an output is taken as one, at every depth", async () => {
  const kubeconfig = pulumi.output(api.kubeconfig);
  const annotations = { team: pulumi.output("a") };
  await construct("Queue", {
    cluster: { kubeconfig, context: "here" },
    namespace: pulumi.output("jobs"),
    images: IMAGES,
    volumeGiB: pulumi.output(7),
    worker: { annotations },
  });
  await settle();
  const worker = registrations.find(({ name }) => name === "it-queue-worker");
  const { template } = worker?.inputs["spec"] as {
    template: { metadata: { annotations: Record<string, string> } };
  };
  expect(template.metadata.annotations["team"]).toBe("a");
  const volume = registrations.find(({ name }) => name === "it-nats-volume");
  expect(volume?.inputs["spec"]).toMatchObject({ resources: { requests: { storage: "7Gi" } } });
});

describe("an object as an output", () => {
  it("is taken with its fields as outputs, as an engine sends one that has outputs in it", async () => {
    const { state } = await provider.construct(
      "figlet",
      "plonk:index:Function",
      { platform: pulumi.output(PLATFORM), image: "ghcr.io/openfaas/figlet:0.1.0" },
      { providers: { kubernetes: PROVIDER } },
    );
    await settle();
    const { url } = await valueOf(pulumi.output(state) as pulumi.Output<{ url: string }>);
    expect(url).toBe("http://192.0.2.1:31112/function/figlet");
  });

  it("keeps its plain fields plain", async () => {
    const kubeconfig = pulumi.secret(api.kubeconfig);
    const capabilities = { storageClass: "gp3" };
    const cluster = pulumi.output({ kubeconfig, context: "here", capabilities });
    await construct("Queue", { cluster, namespace: "jobs", images: IMAGES });
    await settle();
    const volume = registrations.find(({ name }) => name === "it-nats-volume");
    expect(volume?.inputs["spec"]).toMatchObject({ storageClassName: "gp3" });
  });

  it("that is unknown is what its type requires, each unknown", async () => {
    registrations = collectRegistrations({}, { isPreview: true });
    const platform = pulumi.output({ ...PLATFORM, gatewayUrl: UNKNOWN });
    const { state } = await provider.construct(
      "figlet",
      "plonk:index:Function",
      { platform, image: "ghcr.io/openfaas/figlet:0.1.0" },
      { providers: { kubernetes: PROVIDER } },
    );
    await settle();
    const { isKnown } = state["url"] as unknown as { isKnown: Promise<boolean> };
    expect(await isKnown).toBe(false);
    expect(registrations.map(({ name }) => name)).toEqual(["figlet", "figlet-function"]);
  });
});

it("another type is refused", async () => {
  for (const type of ["CallbackFunction", "toString"]) {
    await expect(construct(type, {})).rejects.toThrow(
      `type: expected one of the components, got "plonk:index:${type}"`,
    );
  }
});
