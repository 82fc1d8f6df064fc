/** `ExistingCluster`: what it declares, what it believes of a kubeconfig, what it refuses. */
import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import {
  ExistingCluster,
  type ExistingClusterArgs,
} from "../../../components/cluster/existing-cluster.ts";
import { collectRegistrations, type Registration, settle, valueOf } from "./mocks.ts";

const KUBECONFIG = stringify({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "one",
  clusters: [
    { name: "c1", cluster: { server: "https://api.example.com:6443" } },
    { name: "c2", cluster: { server: "https://[fd00::7]:443/path" } },
  ],
  contexts: [
    { name: "one", context: { cluster: "c1", user: "u" } },
    { name: "two", context: { cluster: "c2", user: "u" } },
    { name: "lost", context: { cluster: "c3", user: "u" } },
  ],
  users: [{ name: "u", user: { token: "hunter2" } }],
});

let registrations: Registration[] = [];

beforeEach(() => {
  registrations = collectRegistrations();
});

afterAll(() => pulumi.runtime.disconnect());

it("declares the provider and nothing else, with the kubeconfig as a secret", async () => {
  const cluster = new ExistingCluster("kind", { kubeconfig: KUBECONFIG, context: "two" });
  await settle();
  expect(await valueOf(cluster.kubeconfig)).toBe(KUBECONFIG);
  expect(await pulumi.isSecret(cluster.kubeconfig)).toBe(true);
  expect(await valueOf(cluster.nodeAddress)).toBe("fd00::7");
  expect(await pulumi.isSecret(cluster.nodeAddress)).toBe(false);
  await settle();
  expect(registrations.map(({ type, name }) => `${type} ${name}`)).toEqual([
    "plonk:index:ExistingCluster kind",
    "pulumi:providers:kubernetes kind",
  ]);
  expect(registrations[1]).toMatchObject({
    inputs: {
      kubeconfig: KUBECONFIG,
      context: "two",
      enableServerSideApply: "true",
      upsertExistingObjects: "true",
    },
    secrets: ["kubeconfig"],
  });
  expect(cluster.lifetime).toBeUndefined();
});

it("takes the current context when none is named, and a kubeconfig that is an output", async () => {
  const cluster = new ExistingCluster("kind", { kubeconfig: pulumi.output(KUBECONFIG) });
  expect(await valueOf(cluster.nodeAddress)).toBe("api.example.com");
});

it("offers little unless told otherwise", () => {
  const { capabilities, imageDelivery } = new ExistingCluster("kind", { kubeconfig: KUBECONFIG });
  expect(capabilities).toEqual({
    architectures: ["amd64"],
    loadBalancer: false,
    storageClass: undefined,
    networkPolicy: false,
    apiServerNetworks: [],
    memoryMiB: undefined,
    internet: true,
  });
  expect(imageDelivery).toEqual({ mode: "none", targets: [], registry: undefined });
});

it("offers what it is told", async () => {
  const cluster = new ExistingCluster("kind", {
    kubeconfig: KUBECONFIG,
    registry: "registry.example.com/plonk",
    nodeAddress: "192.0.2.9",
    capabilities: { architectures: ["arm64"], loadBalancer: true, storageClass: "gp3" },
  });
  expect(cluster.capabilities).toMatchObject({
    architectures: ["arm64"],
    loadBalancer: true,
    storageClass: "gp3",
  });
  expect(cluster.imageDelivery).toEqual({
    mode: "registry",
    targets: [],
    registry: "registry.example.com/plonk",
  });
  expect(await valueOf(cluster.nodeAddress)).toBe("192.0.2.9");
});

describe("a kubeconfig that cannot be used", () => {
  const without = (key: string): string => KUBECONFIG.replace(`${key}:`, "other:");
  it.each<[string, ExistingClusterArgs]>([
    ["kubeconfig: must be YAML or JSON, got something else", { kubeconfig: "a: b: c: hunter2" }],
    [
      "kubeconfig: must be a kubeconfig file's content, got something else",
      { kubeconfig: "/home/hunter2/.kube/config" },
    ],
    [
      "kubeconfig: must be a kubeconfig file's content, got something else",
      { kubeconfig: without("clusters") },
    ],
    [
      'context: must be one of the kubeconfig\'s (one, two, lost), got "three"',
      { kubeconfig: KUBECONFIG, context: "three" },
    ],
    [
      'kubeconfig: must have the cluster "c3" of context "lost", got none of that name',
      { kubeconfig: KUBECONFIG, context: "lost" },
    ],
    [
      'kubeconfig: server must be a URL, got "nowhere"',
      { kubeconfig: KUBECONFIG.replace("https://api.example.com:6443", "nowhere") },
    ],
  ])("%s", (message, args) => {
    let error: unknown;
    try {
      new ExistingCluster("kind", args);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(pulumi.ResourceError);
    expect((error as Error).message).toBe(message);
    expect((error as Error).message).not.toContain("hunter2");
  });
});
