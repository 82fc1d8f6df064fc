/** Labels, taints, names and flags that a program tells k3s, also as outputs of other resources. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import type { K3sClusterArgs } from "../../../components/cluster/k3s-args.ts";
import { K3sCluster } from "../../../components/cluster/k3s-cluster.ts";
import {
  checkKubeletArgs,
  checkMarks,
  checkTlsSans,
} from "../../../components/cluster/k3s-lists.ts";
import { ArgumentChecks } from "../../../components/errors.ts";
import type { Entries } from "../../../components/lists.ts";
import { collectRegistrations, type Registration, settle } from "./mocks.ts";

const folder = mkdtempSync(join(tmpdir(), "plonk-lists-"));
const k3s = { path: join(folder, "k3s"), version: "1.35.0+k3s3" };
writeFileSync(k3s.path, "binary");

let registrations: Registration[];
let checks: ArgumentChecks;

beforeEach(() => {
  jest.spyOn(console, "warn").mockImplementation(() => undefined);
  const outputs = { "command:local:Command": () => ({ stdout: "uid-1\nkubeconfig", stderr: "" }) };
  registrations = collectRegistrations(outputs, { isPreview: true });
  checks = new ArgumentChecks(new pulumi.ComponentResource("t:i:T", "t"));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await pulumi.runtime.disconnect();
});

const connection = { local: true } as const;

/** What k3s is told, of the lists alone. */
async function configOf(
  host: Partial<K3sClusterArgs["servers"][0]>,
  args: Partial<K3sClusterArgs>,
): Promise<unknown> {
  new K3sCluster("edge", { servers: [{ connection, ...host }], k3s, ...args });
  await settle();
  const found = registrations.find(({ name }) => name === "edge-server-install");
  const stdin = found?.inputs["stdin"];
  if (typeof stdin !== "string") {
    return stdin;
  }
  const config = parse(stdin) as Record<string, unknown>;
  return ["node-label", "node-taint", "tls-san", "kubelet-arg"].map((key) => config[key]);
}

describe("what other resources give", () => {
  const told = [
    ["arch=pi", "zone=b"],
    ["edge=yes:NoSchedule", "slow:NoExecute"],
    ["198.18.0.11", "pi.example.com", "192.0.2.9"],
    expect.arrayContaining(["fail-cgroupv1=false", "max-pods=50"]),
  ];

  it("is told k3s where each entry is an output", async () => {
    const host = {
      labels: { zone: pulumi.output("b"), arch: "pi" },
      taints: ["edge=yes:NoSchedule", pulumi.output("slow:NoExecute")],
    };
    const args = {
      tlsSans: [Promise.resolve("pi.example.com"), pulumi.output("192.0.2.9")],
      kubeletArgs: [pulumi.output("max-pods=50")],
    };
    expect(await configOf(host, args)).toEqual(told);
  });

  it("is told k3s where all of it is one output", async () => {
    const host = {
      labels: pulumi.output({ zone: "b", arch: "pi" }),
      taints: pulumi.output(["edge=yes:NoSchedule", "slow:NoExecute"]),
    };
    const args = {
      tlsSans: Promise.resolve(["pi.example.com", "192.0.2.9"]),
      kubeletArgs: pulumi.output(["max-pods=50"]),
    };
    expect(await configOf(host, args)).toEqual(told);
  });

  it("keeps no step out of a preview that does not know it yet", async () => {
    const taints = pulumi.output(pulumi.unknown) as pulumi.Output<string[]>;
    expect(await configOf({ taints }, {})).toBe(pulumi.unknown);
  });
});

describe("what k3s would refuse, or pass over, is refused in the preview", () => {
  const taint = (value: string): (() => unknown) => {
    return () => checkMarks(checks, { connection, taints: [value] });
  };
  const label = (key: string, value: string): (() => unknown) => {
    return () => checkMarks(checks, { connection, labels: { [key]: value } });
  };
  const san = (value: string): (() => unknown) => {
    return () => checkTlsSans(checks, [value]);
  };
  const flag = (value: string): (() => unknown) => {
    return () => checkKubeletArgs(checks, [value]);
  };
  const effects = "key=value:effect with the effect NoSchedule, PreferNoSchedule or NoExecute";
  const keys = "keys such as team or example.com/team";

  it.each<[string, () => unknown]>([
    [`servers[0].taints[0]: expected ${effects}, got "edge"`, taint("edge")],
    [`servers[0].taints[0]: expected ${effects}, got "edge=yes"`, taint("edge=yes")],
    [`servers[0].taints[0]: expected ${effects}, got "edge=yes:Never"`, taint("edge=yes:Never")],
    [`servers[0].taints[0]: expected ${effects}, got "a b=c:NoExecute"`, taint("a b=c:NoExecute")],
    [`servers[0].labels: expected ${keys}, got "a=b"`, label("a=b", "c")],
    [
      "servers[0].labels.zone: expected at most 63 letters, digits, hyphens, dots and " +
        'underscores, with a letter or digit at both ends, got "a b"',
      label("zone", "a b"),
    ],
    [
      'tlsSans[0]: expected an address or a name such as k3s.example.com, got "https://a"',
      san("https://a"),
    ],
    ['tlsSans[0]: expected an address or a name such as k3s.example.com, got ""', san("")],
    ['kubeletArgs[0]: expected a flag such as max-pods=50, got "max pods=50"', flag("max pods=50")],
    ['kubeletArgs[0]: expected a flag such as max-pods=50, got "=50"', flag("=50")],
  ])("%s", (message, work) => {
    expect(work).toThrow(message);
  });
});

it.each<[string, Entries, (given: Entries) => Entries]>([
  [
    "taints",
    ["a:NoExecute", "example.com/a=:PreferNoSchedule", "a=b.c:NoSchedule"],
    (taints) => checkMarks(checks, { connection, taints }).taints,
  ],
  ["names", ["::1", "192.0.2.1", "localhost", "a.b.c"], (names) => checkTlsSans(checks, names)],
  [
    "flags, as k3s takes them",
    ["max-pods=50", "--v=2", "allowed-unsafe-sysctls+=net.*", "fail-swap-on", "eviction-hard="],
    (flags) => checkKubeletArgs(checks, flags),
  ],
])("takes %s", (_, given, check) => {
  expect(check(given)).toEqual(given);
});
