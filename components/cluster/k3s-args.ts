/** Arguments of `K3sCluster`, and what they mean once checked and completed. */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { totalmem } from "node:os";
import * as pulumi from "@pulumi/pulumi";
import { type Architecture, ARCHITECTURES } from "../../contract/index.ts";
import { ArgumentError } from "../errors.ts";
import { checkConnection, type HostConnection } from "./host.ts";
import type { IsolationSettings } from "./host-script.ts";

/** Which network a node lives in. */
export const HostNetwork = {
  /** One of its own behind the host; `egress` says whether the node reaches other machines. */
  Isolated: "isolated",
  /** The host's own. */
  Host: "host",
} as const;
export type HostNetwork = (typeof HostNetwork)[keyof typeof HostNetwork];

/** Whether an isolated node reaches other machines. */
export const Egress = {
  /** By the host's own address, so that functions reach the internet and nodes pull images. */
  Nat: "nat",
  /** Nothing of the node's leaves the host. */
  None: "none",
} as const;
export type Egress = (typeof Egress)[keyof typeof Egress];

/** A Linux host that runs a node. */
export interface K3sHost {
  /** How to reach it. */
  connection: HostConnection;
  /** Name of the node, a DNS label. @default "server" */
  name?: string;
  /** @default "isolated" */
  network?: HostNetwork;
  /**
   * IPv4 address of the node, which other machines reach it by. Must be given with the network
   * `host`. @default the eleventh address of `subnet`
   */
  address?: string;
  /**
   * Absolute path of the directory that holds all of the node, at most 85 characters; it is
   * deleted with the cluster. @default "/var/lib/plonk/<cluster>"
   */
  directory?: string;
  /**
   * Whether to run k3s under a small supervisor of its own even where systemd or OpenRC runs the
   * host, so that it is not started at boot. @default false
   */
  supervised?: boolean;
  /** Labels of the node. */
  labels?: Record<string, string>;
  /** Taints of the node, `key=value:effect`. */
  taints?: string[];
  /** @default the architecture of the machine that runs the program */
  architecture?: Architecture;
}

/** The program to run, and the cluster's own images. */
export interface K3sBinary {
  /**
   * Path of the k3s binary for the host, on the machine that runs the program. Empty in a preview
   * on a machine that has none: what is installed is taken to stay.
   */
  path: string;
  /** Version, e.g. `1.35.0+k3s3`. A change of it updates the node. */
  version: string;
  /** Path of the archive with the cluster's own images. @default "", they are pulled */
  airgapImages?: string;
}

/** Arguments of `K3sCluster`. */
export interface K3sClusterArgs {
  /** Hosts that run the control plane. Exactly one for now. */
  servers: K3sHost[];
  /** What to install. */
  k3s: K3sBinary;
  /**
   * Name of the cluster on its hosts: 1 to 32 lower-case letters, digits and hyphens.
   * @default the resource's name
   */
  clusterName?: string;
  /** Secret with which nodes join. @default one that the first server makes and keeps */
  token?: pulumi.Input<string>;
  /** Network of isolated hosts: a /24 of 198.18.0.0/15. @default "198.18.0.0/24" */
  subnet?: string;
  /**
   * Whether isolated hosts reach other machines: `nat` (through the host's own address; needs `nft`
   * or `iptables` there) or `none`. @default "none"
   */
  egress?: Egress;
  /**
   * Content of a `registries.yaml` of k3s: mirrors, authorities and logins of the registries that
   * images come from. Secret. @default none, images come from where their names say
   */
  registries?: pulumi.Input<string>;
  /** Addresses of pods. @default "10.42.0.0/16" */
  clusterCidr?: string;
  /** Addresses of Services. @default "10.43.0.0/16" */
  serviceCidr?: string;
  /** Bundled parts to leave out. @default ["traefik", "servicelb"] */
  disable?: string[];
  /** Further names and addresses in the API server's certificate. @default [] */
  tlsSans?: string[];
  /** Further flags of kubelet, `name=value`. @default [] */
  kubeletArgs?: string[];
  /** How long the cluster may take to become ready, seconds. @default 180 */
  readyTimeoutSeconds?: number;
  /** Whether pods reach the internet. @default false without `egress`, else true */
  internet?: boolean;
  /** Memory of all hosts together, MiB. @default that of the machine that runs the program */
  memoryMiB?: number;
}

/** A host with every default filled in. */
export interface ResolvedHost {
  connection: HostConnection;
  name: string;
  address: string;
  directory: string;
  supervised: boolean;
  labels: Record<string, string>;
  taints: string[];
  architecture: Architecture;
  /** Name of the cgroup of its pods; two directories on a machine have two names. */
  cgroup: string;
  isolation: IsolationSettings | undefined;
}

/** `K3sClusterArgs` with every default filled in. */
export interface ResolvedCluster {
  cluster: string;
  server: ResolvedHost;
  k3s: K3sBinary;
  token: pulumi.Input<string> | undefined;
  registries: pulumi.Input<string> | undefined;
  clusterCidr: string;
  serviceCidr: string;
  disable: string[];
  tlsSans: string[];
  kubeletArgs: string[];
  readySeconds: number;
  internet: boolean;
  memoryMiB: number;
}

/** The longest socket below it, of k3s' database, must fit into the kernel's 107 bytes. */
const DIRECTORY_MAX = 107 - "/data/server/kine.sock".length;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const CLUSTER_NAME = /^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/;
const PRIVATE_SUBNET = /^198\.(18|19)\.(\d{1,3})\.0\/24$/;

const DEFAULTS = {
  subnet: "198.18.0.0/24",
  egress: Egress.None,
  clusterCidr: "10.42.0.0/16",
  serviceCidr: "10.43.0.0/16",
  disable: ["traefik", "servicelb"],
  tlsSans: [],
  kubeletArgs: [],
  readyTimeoutSeconds: 180,
  memoryMiB: Math.floor(totalmem() / 1024 ** 2),
};

/** Checks the arguments and fills in the defaults. @throws ArgumentError */
export function normalizeCluster(name: string, args: K3sClusterArgs): ResolvedCluster {
  const { clusterName = name, ...given } = { ...DEFAULTS, ...args };
  const cluster = check("clusterName", clusterName, {
    pattern: CLUSTER_NAME,
    expected: "1 to 32 lower-case letters, digits and hyphens",
  });
  const server = normalizeHost(cluster, onlyHost(given.servers), given);
  return {
    cluster,
    server,
    k3s: checkBinary(given.k3s),
    token: given.token,
    registries: given.registries,
    clusterCidr: checkNetwork("clusterCidr", given.clusterCidr),
    serviceCidr: checkNetwork("serviceCidr", given.serviceCidr),
    disable: given.disable,
    tlsSans: given.tlsSans,
    kubeletArgs: given.kubeletArgs,
    readySeconds: checkSeconds(given.readyTimeoutSeconds),
    internet: given.internet ?? server.isolation?.egress !== Egress.None,
    memoryMiB: given.memoryMiB,
  };
}

function onlyHost(servers: K3sHost[]): K3sHost {
  const [host, ...others] = servers;
  if (host && others.length === 0) {
    return host;
  }
  throw new ArgumentError(
    `servers: must be exactly one host, clusters of several come later, got ${servers.length}`,
  );
}

/** The arguments that say how an isolated host is connected. */
interface Network {
  subnet: string;
  egress: Egress;
}

function normalizeHost(cluster: string, host: K3sHost, wanted: Network): ResolvedHost {
  checkConnection("servers[0].connection", host.connection);
  const place = normalizeNetwork(cluster, host, wanted);
  const directory = checkDirectory(host.directory ?? `/var/lib/plonk/${cluster}`);
  return {
    ...place,
    directory,
    cgroup: `plonk-${cluster}-${createHash("sha256").update(directory).digest("hex").slice(0, 8)}`,
    connection: host.connection,
    name: check("servers[0].name", host.name ?? "server", {
      pattern: DNS_LABEL,
      expected: "a DNS label",
    }),
    supervised: host.supervised ?? false,
    labels: host.labels ?? {},
    taints: host.taints ?? [],
    architecture: host.architecture ?? toArchitecture(process.arch),
  };
}

function normalizeNetwork(
  cluster: string,
  host: K3sHost,
  { subnet, egress }: Network,
): Pick<ResolvedHost, "address" | "isolation"> {
  const { network = HostNetwork.Isolated, address } = host;
  if (network === HostNetwork.Host) {
    return { address: checkAddress(address), isolation: undefined };
  }
  const [, second, third] = PRIVATE_SUBNET.exec(subnet) ?? [];
  if (second === undefined || Number(third) > 255) {
    throw new ArgumentError(
      `subnet: must be a /24 of 198.18.0.0/15, e.g. "198.18.0.0/24", got "${subnet}"`,
    );
  }
  const prefix = `198.${second}.${String(third)}`;
  if (address !== undefined && address !== `${prefix}.11`) {
    throw new ArgumentError(
      `servers[0].address: must be ${prefix}.11 in an isolated network, got "${address}"`,
    );
  }
  // The kernel allows 15 characters, and a subnet is used once on a machine.
  const bridge = `plonk${second}-${String(third)}`;
  return {
    address: `${prefix}.11`,
    isolation: {
      namespace: `plonk-${cluster}`,
      bridge,
      veth: `${bridge}v11`,
      subnet,
      hostAddress: `${prefix}.1`,
      egress: check("egress", egress, { pattern: /^(nat|none)$/, expected: "nat or none" }),
    },
  };
}

function check(field: string, value: string, rule: { pattern: RegExp; expected: string }): string {
  if (rule.pattern.test(value)) {
    return value;
  }
  throw new ArgumentError(`${field}: must be ${rule.expected}, got "${value}"`);
}

function checkNetwork(field: string, value: string): string {
  return check(field, value, {
    pattern: /^\d{1,3}(\.\d{1,3}){3}\/\d{1,2}$/,
    expected: 'an IPv4 network, e.g. "10.42.0.0/16"',
  });
}

function checkAddress(address: string | undefined): string {
  return check("servers[0].address", address ?? "", {
    pattern: /^\d{1,3}(\.\d{1,3}){3}$/,
    expected: "the host's IPv4 address when its network is the host's own",
  });
}

function checkBinary(k3s: K3sBinary): K3sBinary {
  if (k3s.path === "" && pulumi.runtime.isDryRun()) {
    return k3s;
  }
  checkFile("k3s.path", k3s.path);
  if (k3s.airgapImages) {
    checkFile("k3s.airgapImages", k3s.airgapImages);
  }
  return k3s;
}

function checkFile(field: string, path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    return;
  }
  throw new ArgumentError(`${field}: must be a file, got "${path}"`);
}

function checkDirectory(directory: string): string {
  // Two levels at least: the directory is deleted with the cluster.
  check("servers[0].directory", directory, {
    pattern: /^(\/[A-Za-z0-9_][-A-Za-z0-9._]*|\/\.[A-Za-z0-9][-A-Za-z0-9._]*){2,}$/,
    expected: "an absolute path of letters, digits and -._ below another directory",
  });
  if (directory.length <= DIRECTORY_MAX) {
    return directory;
  }
  throw new ArgumentError(
    `servers[0].directory: must be at most ${DIRECTORY_MAX} characters, as sockets lie in it, ` +
      `got ${directory.length}: "${directory}"`,
  );
}

function checkSeconds(seconds: number): number {
  if (Number.isInteger(seconds) && seconds >= 1) {
    return seconds;
  }
  throw new ArgumentError(`readyTimeoutSeconds: must be a whole number from 1, got ${seconds}`);
}

function toArchitecture(name: string): Architecture {
  const names: Record<string, Architecture> = { x64: "amd64", arm64: "arm64" };
  const architecture = names[name];
  if (architecture) {
    return architecture;
  }
  throw new ArgumentError(
    `servers[0].architecture: must be one of ${ARCHITECTURES.join(", ")}, got "${name}"`,
  );
}
