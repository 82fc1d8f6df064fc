/** What `K3sCluster` declares, and which arguments it refuses; nothing is run. */
import { ok } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { HostNetwork, type K3sClusterArgs } from "../../../components/cluster/k3s-args.ts";
import { K3sCluster } from "../../../components/cluster/k3s-cluster.ts";
import { collectRegistrations, type Registration, settle, valueOf } from "./mocks.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-cluster-"));
const [binary, images] = [join(folder, "k3s"), join(folder, "cluster.tar")];
writeFileSync(binary, "binary");
writeFileSync(images, "images");

let registrations: Registration[] = [];
let warnings: jest.SpiedFunction<typeof console.warn>;

beforeEach(() => {
  const outputs = {
    "command:local:Command": (inputs: Record<string, unknown>) => ({
      stdout: String(inputs["create"]).includes(" kubeconfig") ? "uid-1\nthe kubeconfig" : "123-45",
      stderr: "",
    }),
  };
  // A preview only warns of a cluster that is not there.
  warnings = jest.spyOn(console, "warn").mockImplementation(() => undefined);
  registrations = collectRegistrations(outputs, { isPreview: true });
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await pulumi.runtime.disconnect();
});

function args(overrides: Partial<K3sClusterArgs> = {}): K3sClusterArgs {
  return {
    servers: [{ connection: { local: true }, directory: "/srv/plonk/here", architecture: "arm64" }],
    k3s: { path: binary, version: "1.35.0+k3s3", airgapImages: images },
    ...overrides,
  };
}

/** Also waits until the cluster was looked for. */
async function make(overrides: Partial<K3sClusterArgs> = {}): Promise<K3sCluster> {
  const cluster = new K3sCluster("edge", args(overrides));
  await Promise.all([settle(), valueOf(cluster.kubeconfig)]);
  return cluster;
}

function find(name: string, type = "command:local:Command"): Registration {
  const found = registrations.find((each) => each.name === name && each.type === type);
  ok(found, `expected a resource ${name}`);
  return found;
}

describe("what is declared", () => {
  it("is the component, three steps in their order and the provider, each once", async () => {
    const cluster = await make();
    expect(registrations.map(({ type, name }) => `${type} ${name}`)).toEqual([
      "plonk:index:K3sCluster edge",
      "command:local:Command edge-server",
      "command:local:Command edge-server-install",
      "command:local:Command edge-server-start",
      "pulumi:providers:kubernetes edge",
    ]);
    expect(await valueOf(cluster.kubeconfig)).toBe("the kubeconfig");
    expect(await pulumi.isSecret(cluster.kubeconfig)).toBe(true);
    expect(await valueOf(cluster.nodeAddress)).toBe("198.18.0.11");
    expect(find("edge", "pulumi:providers:kubernetes").inputs).toEqual({
      kubeconfig: "the kubeconfig",
      enableServerSideApply: "true",
      enableSecretMutable: "true",
      enableConfigMapMutable: "true",
      clusterIdentifier: await valueOf(cluster.identity),
      // Objects that a killed update has left are applied again.
      upsertExistingObjects: "true",
    });
  });

  it("stores the script first and removes with the script of the state", async () => {
    await make({ readyTimeoutSeconds: pulumi.output(77) });
    const { create, delete: remove, stdin, logging } = find("edge-server").inputs;
    expect(create).toBe(
      "umask 077 && mkdir -p '/srv/plonk/here' && cat > '/srv/plonk/here/cluster.sh'.new && " +
        "sh '/srv/plonk/here/cluster.sh'.new claim && " +
        "mv '/srv/plonk/here/cluster.sh'.new '/srv/plonk/here/cluster.sh' && " +
        "sh '/srv/plonk/here/cluster.sh' prepare",
    );
    expect(remove).toBe("sh -s -- remove");
    expect(logging).toBe("stdoutAndStderr");
    expect(String(stdin).split("\n").slice(3, 18)).toEqual([
      "CLUSTER='edge'",
      "OWNER='project/stack'",
      "DIR='/srv/plonk/here'",
      "NODE_NAME='server'",
      "NODE_ADDRESS='198.18.0.11'",
      "SERVICE_CIDR='10.43.0.0/16'",
      "CGROUP='plonk-edge-77becc9b'",
      "READY_SECONDS='77'",
      "SUPERVISED=''",
      "NETNS='plonk-edge'",
      "BRIDGE='plonk18-0'",
      "VETH='plonk18-0v11'",
      "SUBNET='198.18.0.0/24'",
      "HOST_ADDRESS='198.18.0.1'",
      "EGRESS='none'",
    ]);
  });

  it("installs by content and starts by what is installed", async () => {
    await make();
    // sha256 of "binary" and of "images", their beginnings.
    expect(find("edge-server-install").inputs["create"]).toBe(
      `sh '/srv/plonk/here/cluster.sh' install '${binary}' '${images}' '1.35.0+k3s3' ` +
        "9a3a45d01531a20e 21b2eed1e328a2c6",
    );
    expect(find("edge-server-start").inputs).toEqual({
      create:
        "sh '/srv/plonk/here/cluster.sh' start '123-45' >&2 && " +
        "sh '/srv/plonk/here/cluster.sh' identity && " +
        "sh '/srv/plonk/here/cluster.sh' kubeconfig",
      triggers: [expect.stringMatching(/^k3s\/edge\/[0-9a-f]{16}$/)],
      logging: "stderr",
      addPreviousOutputInEnv: false,
    });
  });

  it("takes what is installed to stay in a preview without k3s, and needs it in an update", async () => {
    const k3s = { path: "", version: "" };
    const kept: Record<string, unknown> = {};
    const record: pulumi.ResourceTransformation = ({ name, opts }) => {
      kept[name] = opts.ignoreChanges;
      return undefined;
    };
    new K3sCluster("edge", args({ k3s }), { transformations: [record] });
    await settle();
    expect(pulumi.isUnknown(find("edge-server-install").inputs["create"])).toBe(true);
    expect(Object.keys(kept).filter((name) => kept[name] !== undefined)).toEqual([
      "edge-server-install",
    ]);
    expect(kept["edge-server-install"]).toEqual(["create", "delete", "environment"]);
    registrations = collectRegistrations({}, { isPreview: false });
    expect(() => new K3sCluster("edge", args({ k3s }))).toThrow(
      'k3s.path: expected a file, got ""',
    );
  });

  it("writes k3s's own configuration", async () => {
    const servers = [
      {
        connection: { local: true },
        name: "pi",
        network: HostNetwork.Host,
        address: "192.0.2.7",
        labels: { zone: "b", arch: "pi" },
        taints: ["edge=yes:NoSchedule"],
      },
    ];
    await make({
      servers,
      tlsSans: ["pi.example.com"],
      kubeletArgs: ["max-pods=50"],
      clusterCidr: "10.52.0.0/16",
      serviceCidr: "10.53.0.0/16",
      token: "join-me",
    });
    const { inputs, secrets } = find("edge-server-install");
    // What the token is part of is not to be seen either.
    expect(secrets).toEqual(["stdin"]);
    expect(parse(String(inputs["stdin"]))).toEqual({
      "data-dir": "/var/lib/plonk/edge/data",
      "write-kubeconfig": "/var/lib/plonk/edge/k3s.yaml",
      "write-kubeconfig-mode": "0600",
      "node-name": "pi",
      "node-ip": "192.0.2.7",
      "tls-san": ["192.0.2.7", "pi.example.com"],
      "cluster-cidr": "10.52.0.0/16",
      "service-cidr": "10.53.0.0/16",
      disable: ["traefik", "servicelb"],
      "node-label": ["arch=pi", "zone=b"],
      "node-taint": ["edge=yes:NoSchedule"],
      "kubelet-arg": [
        // Of the directory: nodes that share a cgroup would take each other's pods for orphans.
        "cgroup-root=/plonk-edge-33036b54",
        "kubelet-cgroups=/plonk-edge-33036b54/k3s",
        "runtime-cgroups=/plonk-edge-33036b54/k3s",
        "fail-cgroupv1=false",
        "max-pods=50",
      ],
      token: "join-me",
    });
    expect(String(find("edge-server").inputs["stdin"])).toContain("NETNS=''\n");
  });

  it("hands over what it is told about registries, as a secret", async () => {
    const registries = "---\nconfigs: {r.example: {auth: {password: hunter2}}}\n";
    await make({ registries });
    const { inputs, secrets } = find("edge-server-install");
    expect(secrets).toEqual(["stdin"]);
    const [first, ...others] = String(inputs["stdin"]).split(/^---\n/m);
    expect(parse(first ?? "")).toMatchObject({
      "private-registry": "/srv/plonk/here/registries.yaml",
    });
    expect(first).not.toContain("hunter2");
    expect(others.join("---\n")).toBe(registries);
  });

  it("says what the cluster offers and how images get there", async () => {
    const cluster = await make({ disable: ["traefik"] });
    expect(await valueOf(cluster.architectures)).toEqual(["arm64"]);
    expect(cluster.capabilities).toEqual({
      loadBalancer: true,
      storageClass: "local-path",
      networkPolicy: true,
      apiServerNetworks: ["198.18.0.11/32", "10.43.0.1/32"],
    });
    expect(cluster.imageDelivery).toMatchObject({ mode: "preload", registry: undefined });
    const [target] = cluster.imageDelivery.targets;
    expect(target).toMatchObject({ host: "server", architecture: "arm64" });
    expect(await valueOf(target?.importScript)).toBe(
      `sh '/srv/plonk/here/cluster.sh' import-image "$IMAGE_NAME" "$ARCHIVE" "$IMAGE_DIGEST"`,
    );
    expect(await valueOf(target?.removeScript)).toBe(
      "[ ! -e '/srv/plonk/here/cluster.sh' ] || " +
        `sh '/srv/plonk/here/cluster.sh' forget-image "$IMAGE_NAME"`,
    );
    // Not the first step: Pulumi takes that for the same one where the cluster is replaced.
    expect(await valueOf(cluster.deletedWith.urn)).toMatch(/::edge-server-start$/);
  });
});

describe("a cluster that has gone", () => {
  it("is warned of in a preview, which also says how to make it again", async () => {
    await make();
    expect(warnings.mock.calls.flat().join()).toContain(
      "/srv/plonk/here: expected the cluster that was made here, found none. If it is lost, " +
        "pulumi destroy --target 'urn:pulumi:stack::project::plonk:index:K3sCluster::edge' " +
        "--target-dependents removes it",
    );
  });
});

describe("another cluster", () => {
  const here = { connection: { local: true }, directory: "/srv/plonk/here" };
  const identityOf = async (overrides: Partial<K3sClusterArgs>): Promise<string> =>
    valueOf((await make(overrides)).identity);

  it.each<[string, Partial<K3sClusterArgs>]>([
    ["clusterName", { clusterName: "centre" }],
    ["subnet", { subnet: "198.18.1.0/24" }],
    ["clusterCidr", { clusterCidr: "10.52.0.0/16" }],
    ["serviceCidr", { serviceCidr: "10.53.0.0/16" }],
    ["token", { token: "join-me" }],
    ["name of the node", { servers: [{ ...here, name: "pi" }] }],
    ["directory", { servers: [{ ...here, directory: "/srv/plonk/there" }] }],
    ["network", { servers: [{ ...here, network: HostNetwork.Host, address: "192.0.2.7" }] }],
  ])("is what another %s makes it", async (_, overrides) => {
    expect(await identityOf(overrides)).not.toBe(await identityOf({}));
  });

  it("is not what all else makes it", async () => {
    const overrides: Partial<K3sClusterArgs> = {
      servers: [{ ...here, labels: { zone: "b" }, taints: ["a=b:NoSchedule"], supervised: true }],
      k3s: { path: binary, version: "1.36.0+k3s1" },
      egress: "nat",
      disable: [],
      tlsSans: ["pi.example.com"],
      kubeletArgs: ["max-pods=50"],
      readyTimeoutSeconds: 60,
    };
    expect(await identityOf(overrides)).toBe(await identityOf({}));
    const host = { ...here, network: HostNetwork.Host };
    expect(await identityOf({ servers: [{ ...host, address: "192.0.2.7" }] })).toBe(
      await identityOf({ servers: [{ ...host, address: "192.0.2.8" }] }),
    );
  });
});

describe("what is refused, on the component and in preview", () => {
  const local = { connection: { local: true } };
  const host = (overrides: object): Partial<K3sClusterArgs> => ({
    servers: [{ ...local, ...overrides }],
  });
  it.each<[string, Partial<K3sClusterArgs>]>([
    ["servers: expected exactly one host (several come later), got 2", { servers: [local, local] }],
    ["servers: expected exactly one host (several come later), got 0", { servers: [] }],
    [
      'servers[0].connection.ssh: hosts over SSH come later, only { local: true } is possible now, got host "pi"',
      host({ connection: { ssh: { host: "pi" } } }),
    ],
    [
      "servers[0].connection.ssh: hosts over SSH come later, only { local: true } is possible now, got a host that an output names",
      host({ connection: { ssh: { host: pulumi.output("pi"), port: pulumi.output(2222) } } }),
    ],
    ["servers[0].connection.local: expected true, got undefined", host({ connection: {} })],
    ['servers[0].name: expected a DNS label, got "A b"', host({ name: "A b" })],
    [
      'clusterName: expected 1 to 32 lower-case letters, digits and hyphens, got "a/b"',
      { clusterName: "a/b" },
    ],
    [
      'subnet: expected a /24 of 198.18.0.0/15, e.g. "198.18.0.0/24", got "10.0.0.0/24"',
      { subnet: "10.0.0.0/24" },
    ],
    [
      'subnet: expected a /24 of 198.18.0.0/15, e.g. "198.18.0.0/24", got "198.18.256.0/24"',
      { subnet: "198.18.256.0/24" },
    ],
    [
      'servers[0].address: expected 198.18.0.11 in an isolated network, got "198.18.0.12"',
      host({ address: "198.18.0.12" }),
    ],
    [
      `servers[0].address: expected the host's IPv4 address when its network is the host's own, got ""`,
      host({ network: HostNetwork.Host }),
    ],
    [
      'servers[0].directory: expected an absolute path of letters, digits and -._ below another directory, got "/srv"',
      host({ directory: "/srv" }),
    ],
    [
      'servers[0].directory: expected an absolute path of letters, digits and -._ below another directory, got "/srv/../etc"',
      host({ directory: "/srv/../etc" }),
    ],
    [
      `servers[0].directory: expected at most 85 characters, as sockets lie in it, got 86: "/srv/${"x".repeat(81)}"`,
      host({ directory: `/srv/${"x".repeat(81)}` }),
    ],
    [
      `k3s.path: expected a file, got "${folder}/none"`,
      { k3s: { path: `${folder}/none`, version: "1" } },
    ],
    [
      `k3s.airgapImages: expected a file, got "${folder}"`,
      { k3s: { path: binary, version: "1", airgapImages: folder } },
    ],
    [
      'clusterCidr: expected an IPv4 network, e.g. "10.42.0.0/16", got "fd00::/8"',
      { clusterCidr: "fd00::/8" },
    ],
    ["readyTimeoutSeconds: expected a whole number from 1, got 0.5", { readyTimeoutSeconds: 0.5 }],
  ])("%s", async (message, overrides) => {
    expect(() => new K3sCluster("edge", args(overrides))).toThrow(message);
    await settle();
    expect(registrations.map(({ type }) => type)).toEqual(["plonk:index:K3sCluster"]);
  });
});
