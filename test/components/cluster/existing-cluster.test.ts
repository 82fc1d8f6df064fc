/** `ExistingCluster`: what it declares, what it believes of a kubeconfig, what it refuses. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import {
  ExistingCluster,
  type ExistingClusterArgs,
} from "../../../components/cluster/existing-cluster.ts";
import { type FakeApi, startFakeApi, toKubeconfig } from "../support/fake-api.ts";
import { answersOfCluster } from "../support/fake-cluster.ts";
import { collectRegistrations, type Registration, settle, valueOf } from "./mocks.ts";

let api: FakeApi;
/** Its current context, `elsewhere`, is of another cluster. */
let KUBECONFIG = "";

beforeAll(async () => {
  api = await startFakeApi(answersOfCluster());
  KUBECONFIG = api.kubeconfig;
});

let registrations: Registration[] = [];

beforeEach(() => {
  registrations = collectRegistrations();
});

afterAll(() => pulumi.runtime.disconnect());

/** The one context, its cluster and its user. */
function expectOneContext(text: unknown): void {
  expect(parse(String(text))).toEqual({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    clusters: [{ name: "c1", cluster: { server: api.url, "insecure-skip-tls-verify": true } }],
    contexts: [{ name: "here", context: { cluster: "c1", user: "u1", namespace: "n" } }],
    users: [{ name: "u1", user: { token: "hunter1" } }],
  });
}

it("declares the provider and nothing else, with the one context as a secret", async () => {
  const cluster = new ExistingCluster("kind", { kubeconfig: KUBECONFIG, context: "here" });
  expectOneContext(await valueOf(cluster.kubeconfig));
  expect(await pulumi.isSecret(cluster.kubeconfig)).toBe(true);
  expect(await valueOf(cluster.nodeAddress)).toBe("192.0.2.7");
  expect(await pulumi.isSecret(cluster.nodeAddress)).toBe(false);
  await settle();
  expect(registrations.map(({ type, name }) => `${type} ${name}`)).toEqual([
    "plonk:index:ExistingCluster kind",
    "pulumi:providers:kubernetes kind",
  ]);
  const [, provider] = registrations;
  const { kubeconfig, ...inputs } = provider?.inputs ?? {};
  expectOneContext(kubeconfig);
  expect(provider?.secrets).toEqual(["kubeconfig"]);
  expect(inputs).toEqual({
    enableServerSideApply: "true",
    upsertExistingObjects: "true",
    enableSecretMutable: "true",
    enableConfigMapMutable: "true",
    clusterIdentifier: "existing/uid-1",
  });
  expect(cluster.deletedWith).toBeUndefined();
});

it("takes the current context when none is named, and a kubeconfig that is an output", async () => {
  const kubeconfig = pulumi.output(toKubeconfig(api.url, "here"));
  const cluster = new ExistingCluster("kind", { kubeconfig });
  expectOneContext(await valueOf(cluster.kubeconfig));
});

it("offers little unless told otherwise", async () => {
  const args = { kubeconfig: KUBECONFIG, context: "here" };
  const { architectures, capabilities, imageDelivery } = new ExistingCluster("kind", args);
  expect(await valueOf(architectures)).toEqual(["amd64", "arm64"]);
  expect(capabilities).toEqual({
    loadBalancer: false,
    storageClass: undefined,
    networkPolicy: false,
    apiServerNetworks: [],
  });
  expect(imageDelivery).toEqual({ mode: "none", targets: [], registry: undefined });
  await settle();
});

it("offers what it is told", async () => {
  const cluster = new ExistingCluster("kind", {
    kubeconfig: KUBECONFIG,
    context: "here",
    registry: "registry.example.com/plonk",
    nodeAddress: "192.0.2.9",
    capabilities: { architectures: ["arm64", "amd64"], loadBalancer: true, storageClass: "gp3" },
  });
  expect(await valueOf(cluster.architectures)).toEqual(["arm64", "amd64"]);
  expect(cluster.capabilities).toMatchObject({
    loadBalancer: true,
    storageClass: "gp3",
  });
  expect(cluster.imageDelivery).toEqual({
    mode: "registry",
    targets: [],
    registry: "registry.example.com/plonk",
  });
  expect(await valueOf(cluster.nodeAddress)).toBe("192.0.2.9");
  await settle();
});

it("takes architectures that another resource names", async () => {
  const info = jest.spyOn(pulumi.log, "info").mockImplementation(() => Promise.resolve());
  const args = { kubeconfig: KUBECONFIG, context: "here" };
  const architectures = [pulumi.output("arm64" as const)];
  const cluster = new ExistingCluster("kind", { ...args, capabilities: { architectures } });
  expect(await valueOf(cluster.architectures)).toEqual(["arm64"]);
  await settle();
  const lines = info.mock.calls.map(([line]) => line).filter((line) => line.startsWith("arch"));
  expect(lines).toEqual(
    pulumi.runtime.isDryRun() ? ["architectures: arm64, as the configuration says"] : [],
  );
  info.mockRestore();
});

it("takes a registry that the program makes", async () => {
  const registry = pulumi.output("1234.dkr.ecr.example.com/plonk");
  const args = { kubeconfig: KUBECONFIG, context: "here", registry };
  const { imageDelivery } = new ExistingCluster("kind", args);
  expect(imageDelivery.mode).toBe("registry");
  expect(await valueOf(pulumi.output(imageDelivery.registry))).toBe(
    "1234.dkr.ecr.example.com/plonk",
  );
});

it("takes images there by a command", async () => {
  const imageCommand = 'kind load image-archive "$ARCHIVE"';
  const args = { kubeconfig: KUBECONFIG, context: "here", imageCommand };
  expect(new ExistingCluster("kind", args).imageDelivery).toEqual({
    mode: "command",
    targets: [],
    registry: undefined,
    command: imageCommand,
  });
  await settle();
});

it("takes context, class and networks that other resources give", async () => {
  const cluster = new ExistingCluster("kind", {
    kubeconfig: KUBECONFIG,
    context: pulumi.output("here"),
    imageCommand: pulumi.output("load"),
    capabilities: {
      storageClass: pulumi.output("gp3"),
      apiServerNetworks: [pulumi.output("192.0.2.1/32"), "2001:db8::/32"],
    },
  });
  expectOneContext(await valueOf(cluster.kubeconfig));
  const { storageClass, apiServerNetworks } = cluster.capabilities;
  expect(await valueOf(pulumi.all([storageClass, apiServerNetworks]))).toEqual([
    "gp3",
    ["192.0.2.1/32", "2001:db8::/32"],
  ]);
  expect(await valueOf(pulumi.output(cluster.imageDelivery.command))).toBe("load");
  await settle();
});

it("knows the cluster in a preview that does not know its class and networks yet", async () => {
  registrations = collectRegistrations({}, { isPreview: true });
  const lines = jest.spyOn(console, "log").mockImplementation(() => undefined);
  const unknown = pulumi.output(pulumi.unknown) as pulumi.Output<never>;
  const cluster = new ExistingCluster("kind", {
    kubeconfig: KUBECONFIG,
    context: "here",
    imageCommand: unknown,
    capabilities: { storageClass: unknown, apiServerNetworks: unknown },
  });
  expectOneContext(await valueOf(cluster.kubeconfig));
  expect(await valueOf(cluster.identity)).toBe("existing/uid-1");
  await settle();
  expect(registrations.map(({ type }) => type)).toContain("pulumi:providers:kubernetes");
  lines.mockRestore();
});

describe("what cannot be used", () => {
  const without = (key: string): string => KUBECONFIG.replace(`${key}:`, "other:");
  it.each<[string, () => ExistingClusterArgs]>([
    [
      "kubeconfig: expected YAML or JSON, got something else",
      () => ({ kubeconfig: "a: b: c: hunter2" }),
    ],
    [
      "kubeconfig: expected the content of a kubeconfig file, got something else",
      () => ({ kubeconfig: "/home/hunter2/.kube/config" }),
    ],
    [
      "kubeconfig: expected the content of a kubeconfig file, got something else",
      () => ({ kubeconfig: without("clusters") }),
    ],
    [
      'context: expected one of the kubeconfig\'s (here, elsewhere, lost), got "three"',
      () => ({ kubeconfig: KUBECONFIG, context: "three" }),
    ],
    [
      'kubeconfig: expected the cluster "c3" of context "lost", got none of that name',
      () => ({ kubeconfig: KUBECONFIG, context: "lost" }),
    ],
    [
      'kubeconfig: expected a URL as server, got "nowhere"',
      () => ({ kubeconfig: toKubeconfig("nowhere", "here") }),
    ],
    ['registry: expected text, got ""', () => ({ kubeconfig: KUBECONFIG, registry: "" })],
    [
      'capabilities.apiServerNetworks[1]: expected a network such as 10.0.0.0/8 or 192.0.2.1/32, got "192.0.2.1"',
      () => ({
        kubeconfig: KUBECONFIG,
        capabilities: { apiServerNetworks: ["10.0.0.0/8", "192.0.2.1"] },
      }),
    ],
    [
      'capabilities.storageClass: expected text, got ""',
      () => ({ kubeconfig: KUBECONFIG, capabilities: { storageClass: "" } }),
    ],
    ['imageCommand: expected text, got " "', () => ({ kubeconfig: KUBECONFIG, imageCommand: " " })],
    [
      "registry, imageCommand: expected at most one of them, got both",
      () => ({ kubeconfig: KUBECONFIG, registry: "r.example.com", imageCommand: "true" }),
    ],
  ])("%s", (message, toArgs) => {
    let error: unknown;
    try {
      new ExistingCluster("kind", toArgs());
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(pulumi.ResourceError);
    expect((error as Error).message).toBe(message);
    expect((error as Error).message).not.toContain("hunter2");
  });
});
