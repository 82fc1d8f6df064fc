/** k3s's own configuration files for a node. */
import * as pulumi from "@pulumi/pulumi";
import { stringify } from "yaml";
import type { ResolvedCluster } from "./k3s-args.ts";

/**
 * The content of `config.yaml`, followed by that of `registries.yaml` as a second document if there
 * is one; secret if it contains a token or logins.
 */
export function createK3sConfig(resolved: ResolvedCluster): pulumi.Output<string> {
  const { token, registries } = resolved;
  const toSecret = (input: typeof token): typeof token => input && pulumi.secret(input);
  const { labels, taints } = resolved.server;
  const { tlsSans, kubeletArgs } = resolved;
  const lists = pulumi.all([labels, taints, tlsSans, kubeletArgs]);
  const all = pulumi.all([lists, toSecret(token), toSecret(registries)]);
  return all.apply(([known, secret, second]) => {
    const config = { ...toConfig(resolved, known), ...(secret !== undefined && { token: secret }) };
    const first = stringify(config);
    return second === undefined ? first : `${first}---\n${second}`;
  });
}

/** Labels, taints, names in the certificate, and flags of kubelet. */
type Lists = [Record<string, string>, string[], string[], string[]];

function toConfig(resolved: ResolvedCluster, lists: Lists): Record<string, unknown> {
  const { server, registries } = resolved;
  const [labels, taints, tlsSans, kubeletArgs] = lists;
  return {
    "data-dir": `${server.directory}/data`,
    "write-kubeconfig": `${server.directory}/k3s.yaml`,
    "write-kubeconfig-mode": "0600",
    "node-name": server.name,
    "node-ip": server.address,
    "tls-san": [server.address, ...tlsSans],
    "cluster-cidr": resolved.clusterCidr,
    "service-cidr": resolved.serviceCidr,
    ...(server.isolation?.egress === "nat" && { "resolv-conf": `${server.directory}/resolv.conf` }),
    ...(registries !== undefined && { "private-registry": `${server.directory}/registries.yaml` }),
    ...toList("disable", resolved.disable),
    ...toList("node-label", toPairs(labels)),
    ...toList("node-taint", taints),
    ...toList("kubelet-arg", [...toKubeletArgs(server.cgroup), ...kubeletArgs]),
    // Nodes of an isolated network are on one link, and need no tunnel.
    ...(server.isolation && { "flannel-backend": "host-gw" }),
  };
}

/** A cgroup of its own, without systemd; kubelet needs a flag to accept cgroup v1. */
function toKubeletArgs(cgroup: string): string[] {
  return [
    `cgroup-root=/${cgroup}`,
    `kubelet-cgroups=/${cgroup}/k3s`,
    `runtime-cgroups=/${cgroup}/k3s`,
    "fail-cgroupv1=false",
  ];
}

function toList(key: string, values: string[]): Record<string, string[]> {
  return values.length > 0 ? { [key]: values } : {};
}

function toPairs(labels: Record<string, string>): string[] {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}
