/** What is asked of a cluster that somebody else made, and what is refused. */
import { afterEach, describe, expect, it } from "@jest/globals";
import {
  type ClusterReport,
  findArchitectures,
  inspectCluster,
} from "../../../components/cluster/inspect.ts";
import { ArgumentError } from "../../../components/errors.ts";
import type { Architecture, ClusterCapabilities } from "../../../components/index.ts";
import { type Answers, type FakeApi, startFakeApi, toKubeconfig } from "../support/fake-api.ts";
import { answersOfCluster } from "../support/fake-cluster.ts";

const CAPABILITIES: ClusterCapabilities = {
  loadBalancer: false,
  storageClass: undefined,
  networkPolicy: true,
  apiServerNetworks: [],
};

const KNOWN = { capabilities: CAPABILITIES, architectures: undefined };

let api: FakeApi | undefined;

afterEach(() => api?.stop());

async function inspect(
  answers: Answers,
  capabilities: Partial<ClusterCapabilities> = {},
  architectures?: Architecture[],
): Promise<ClusterReport> {
  api = await startFakeApi(answers);
  const kubeconfig = toKubeconfig(api.url, "here");
  return inspectCluster(kubeconfig, {
    capabilities: { ...CAPABILITIES, ...capabilities },
    architectures,
  });
}

const LINES = [
  "architectures: amd64, arm64, as the nodes say",
  "rights: all that are needed",
  "storage class: standard (rancher.io/local-path), its volumes cannot grow",
  "load balancer: not used, a NodePort is, as the configuration says",
  "NetworkPolicy: policies are made, as the configuration says there is",
];

it("reports version, architectures, rights, class, load balancer and policies in a line each", async () => {
  const report = await inspect(answersOfCluster());
  expect(report).toEqual({
    identity: "uid-1",
    nodeAddress: "192.0.2.7",
    nodes: [
      ["amd64", ["node-2"]],
      ["arm64", ["node-1"]],
    ],
    architectures: ["amd64", "arm64"],
    classes: [
      { name: "standard", description: LINES[2]?.slice(15), isDefault: true },
      {
        name: "gp3",
        description: "gp3 (ebs.csi.aws.com), its volumes can grow",
        isDefault: false,
      },
    ],
    warnings: [],
    lines: [`Kubernetes v1.34.3+k3s1 at ${api?.url ?? ""}`, ...LINES],
  });
});

it("goes by the class that is named", async () => {
  const { lines } = await inspect(answersOfCluster(), { storageClass: "gp3", loadBalancer: true });
  expect(lines.slice(3, 5)).toEqual([
    "storage class: gp3 (ebs.csi.aws.com), its volumes can grow",
    "load balancer: used, as the configuration says there is",
  ]);
});

it("counts the Services that got an address, where there are some", async () => {
  const toService = (ingress: object[]): object => ({
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress } },
  });
  const items = [toService([]), toService([{ ip: "192.0.2.8" }]), toService([{ hostname: "a" }])];
  const { lines } = await inspect({ ...answersOfCluster(), "/api/v1/services": { items } });
  expect(lines[4]).toBe(`${LINES[3] ?? ""}; Services that have an address: 2`);
});

it("does without what may not be listed", async () => {
  const services = { "/api/v1/services": 403 };
  const hidden = {
    ...services,
    "/api/v1/nodes": 403,
    "/apis/storage.k8s.io/v1/storageclasses": 403,
  };
  const report = await inspect({ ...answersOfCluster(), ...hidden });
  expect(report.nodeAddress).toBe("");
  expect(report.lines[1]).toBe(
    "architectures: amd64, as nodes may not be listed; capabilities.architectures names others",
  );
  expect(report.lines[3]).toBe("storage class: the default one, not seen for lack of rights");
});

it("takes a node's outer address before its inner one", async () => {
  const addresses = [
    { type: "InternalIP", address: "10.0.0.1" },
    { type: "ExternalIP", address: "2001:db8::1" },
  ];
  const nodes = { "/api/v1/nodes": { items: [{ status: { addresses } }] } };
  expect((await inspect({ ...answersOfCluster(), ...nodes })).nodeAddress).toBe("2001:db8::1");
});

/** The answer to a question for nodes: names by architecture. */
function nodesOf(architectures: Record<string, string>): Answers {
  const items = Object.entries(architectures).map(([name, architecture]) => ({
    metadata: { name },
    status: { nodeInfo: { architecture } },
  }));
  return { ...answersOfCluster(), "/api/v1/nodes": { items } };
}

describe("architectures", () => {
  it("are those of the nodes, and a node that no image is made for is named", async () => {
    const report = await inspect(nodesOf({ b: "riscv64", c: "arm64", a: "riscv64" }));
    expect(report).toMatchObject({
      architectures: ["arm64"],
      warnings: [
        "no image is made for riscv64, which nodes have (a, b): pods that are scheduled there cannot start",
      ],
    });
  });

  it("are those that are given, and a node that has another is named", async () => {
    const report = await inspect(nodesOf({ n1: "amd64", n2: "arm64" }), {}, ["arm64"]);
    expect(report.architectures).toEqual(["arm64"]);
    expect(report.lines[1]).toBe("architectures: arm64, as the configuration says");
    expect(report.warnings).toEqual([
      "no image is made for amd64, which nodes have (n1): pods that are scheduled there cannot start",
    ]);
  });

  it("are the usual ones while there is no node", async () => {
    const { architectures, lines } = await inspect(nodesOf({}));
    expect(architectures).toEqual(["amd64"]);
    expect(lines[1]).toBe(
      "architectures: amd64, as there are no nodes yet; capabilities.architectures names others",
    );
  });

  it("refuse a cluster that nothing runs on", async () => {
    await expect(inspect(nodesOf({ a: "s390x", b: "ppc64le" }))).rejects.toThrow(
      new ArgumentError(
        "kubeconfig: expected a cluster with nodes of amd64 or arm64, got ppc64le, s390x alone",
      ),
    );
  });

  it("are found by themselves, and are the usual ones where the cluster does not say", async () => {
    api = await startFakeApi(answersOfCluster());
    expect(await findArchitectures(api.kubeconfig, "here")).toEqual(["amd64", "arm64"]);
    api.stop();
    expect(await findArchitectures(api.kubeconfig, "here")).toEqual(["amd64"]);
  });
});

describe("it refuses", () => {
  it("a user without the rights, and names them", async () => {
    const answers = answersOfCluster(
      ({ resource, verb, group }) =>
        !(resource === "secrets" && verb === "patch") && group !== "apiextensions.k8s.io",
    );
    await expect(inspect(answers)).rejects.toThrow(
      new ArgumentError(
        "context: expected the rights to install Plonk, got none to " +
          "create customresourcedefinitions, patch customresourcedefinitions, " +
          "delete customresourcedefinitions, patch secrets",
      ),
    );
  });

  it("a user who may not see what the cluster is known by", async () => {
    const hidden = { "/api/v1/namespaces/kube-system": 403 };
    await expect(inspect({ ...answersOfCluster(), ...hidden })).rejects.toThrow(
      new ArgumentError(
        "context: expected the rights to install Plonk, got none to get the namespace kube-system",
      ),
    );
  });

  it("a cluster without a class for volumes", async () => {
    const none = { "/apis/storage.k8s.io/v1/storageclasses": { items: [] } };
    await expect(inspect({ ...answersOfCluster(), ...none })).rejects.toThrow(
      new ArgumentError(
        "capabilities.storageClass: expected one of the cluster's (none), " +
          "got none, and no default one",
      ),
    );
  });

  it("a class that there is not", async () => {
    await expect(inspect(answersOfCluster(), { storageClass: "fast" })).rejects.toThrow(
      new ArgumentError(
        'capabilities.storageClass: expected one of the cluster\'s (standard, gp3), got "fast"',
      ),
    );
  });

  it("a cluster that turns the user away", async () => {
    api = await startFakeApi({ "/version": 401 });
    const kubeconfig = toKubeconfig(api.url, "here");
    await expect(inspectCluster(kubeconfig, KNOWN)).rejects.toThrow(
      new ArgumentError(
        `kubeconfig: expected a cluster that answers, got HTTP 401 from ${api.url}`,
      ),
    );
  });

  it("a cluster that does not answer", async () => {
    const { url, stop } = await startFakeApi();
    stop();
    await expect(inspectCluster(toKubeconfig(url, "here"), KNOWN)).rejects.toThrow(
      new ArgumentError(
        `kubeconfig: expected a cluster that answers, got ECONNREFUSED from ${url}`,
      ),
    );
  });
});
