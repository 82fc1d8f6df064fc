/** The script that runs on a host: the settings of a node, followed by the parts in `host/`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PARTS = [
  "common",
  "owner",
  "egress",
  "network",
  "isolation",
  "service",
  "stop",
  "node",
  "main",
];

/** Settings of a node; variables of the script. */
export interface HostSettings {
  cluster: string;
  /** `<project>/<stack>` that owns the directory; "" for none. */
  owner: string;
  /** Absolute path of the node's directory, which has all of its files. */
  directory: string;
  nodeName: string;
  nodeAddress: string;
  serviceCidr: string;
  /** Name of the parent cgroup of all pods of the node. */
  cgroup: string;
  readySeconds: number;
  /** Whether to use the script's own supervisor instead of the host's service manager. */
  supervised: boolean;
  /** Undefined for a node in the host's own network. */
  isolation: IsolationSettings | undefined;
}

const NO_ISOLATION = {
  namespace: "",
  bridge: "",
  veth: "",
  subnet: "",
  hostAddress: "",
  egress: "",
};

/** The network of an isolated node. */
export interface IsolationSettings {
  namespace: string;
  bridge: string;
  veth: string;
  /** In CIDR notation. */
  subnet: string;
  hostAddress: string;
  /** Whether the node reaches other machines: `nat` or `none`. */
  egress: string;
}

/** The text of the script, POSIX sh. `sh -s -- COMMAND` runs it; `prepare` does not store it. */
export function createHostScript(settings: HostSettings): string {
  const isolation = settings.isolation ?? NO_ISOLATION;
  const variables = {
    CLUSTER: settings.cluster,
    OWNER: settings.owner,
    DIR: settings.directory,
    NODE_NAME: settings.nodeName,
    NODE_ADDRESS: settings.nodeAddress,
    SERVICE_CIDR: settings.serviceCidr,
    CGROUP: settings.cgroup,
    READY_SECONDS: String(settings.readySeconds),
    SUPERVISED: settings.supervised ? "yes" : "",
    NETNS: isolation.namespace,
    BRIDGE: isolation.bridge,
    VETH: isolation.veth,
    SUBNET: isolation.subnet,
    HOST_ADDRESS: isolation.hostAddress,
    EGRESS: isolation.egress,
  };
  const assignments = Object.entries(variables).map(([key, value]) => `${key}=${quote(value)}\n`);
  return [
    "#!/bin/sh\n# Runs one node of a Plonk cluster. Written by Plonk, and written again by it.\n\n",
    ...assignments,
    ...PARTS.map((part) => `\n${readPart(part)}`),
  ].join("");
}

/** Quotes a text for sh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * Quotes a path for sh. A path in the cache is written relative to `$PLONK_CACHE`, so that the same
 * stack shows no change on another machine or in CI.
 */
export function toWord(path: string, env: NodeJS.ProcessEnv = process.env): string {
  const { PLONK_CACHE = "", HOME = "" } = env;
  const cache = PLONK_CACHE === "" ? `${HOME}/.cache/plonk` : PLONK_CACHE;
  const isInside = PLONK_CACHE + HOME !== "" && path.startsWith(`${cache}/`);
  return isInside
    ? `"\${PLONK_CACHE:-$HOME/.cache/plonk}"${quote(path.slice(cache.length))}`
    : quote(path);
}

function readPart(name: string): string {
  return readFileSync(join(import.meta.dirname, `host/${name}.sh`), "utf8");
}
