/** How to reach the Kubernetes API: a kubeconfig file, or the pod's own ServiceAccount. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse } from "yaml";
import type { TlsFiles } from "./tls-connector.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Bound ServiceAccount tokens are rotated on disk, so the file is read again after this time. */
const TOKEN_MAX_AGE_MS = 60_000;

export interface KubernetesConnection {
  /** Base URL of the API server. */
  server: string;
  /** Reads what files hold now, as they are renewed. Throws where one is not there. */
  readTls?: () => TlsFiles;
  tlsServerName?: string;
  isInsecure?: boolean;
  /** Returns the current bearer token, if there is one. */
  token?: () => string;
}

interface NamedList<T> {
  name: string;
  entry: T;
}

interface Cluster {
  server?: string;
  "certificate-authority"?: string;
  "certificate-authority-data"?: string;
  "insecure-skip-tls-verify"?: boolean;
  "tls-server-name"?: string;
}

interface User {
  token?: string;
  tokenFile?: string;
  "client-certificate"?: string;
  "client-certificate-data"?: string;
  "client-key"?: string;
  "client-key-data"?: string;
}

interface KubeConfigFile {
  "current-context"?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: Cluster }[];
  users?: { name: string; user: User }[];
}

/**
 * The connection of `$KUBECONFIG`, else of the pod's ServiceAccount, else of `~/.kube/config`.
 * Throws an Error that names the file and the missing or unsupported part.
 */
export function loadConnection(env: NodeJS.ProcessEnv = process.env): KubernetesConnection {
  const file = env["KUBECONFIG"]?.split(delimiter).find((path) => path !== "");
  if (file !== undefined) {
    return readKubeConfig(file);
  }
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host !== undefined && existsSync(join(SERVICE_ACCOUNT, "token"))) {
    return inClusterConnection(host, env["KUBERNETES_SERVICE_PORT"] ?? "443");
  }
  return readKubeConfig(join(homedir(), ".kube", "config"));
}

/** The connection of the pod that this process runs in. */
export function inClusterConnection(
  host: string,
  port: string,
  directory = SERVICE_ACCOUNT,
): KubernetesConnection {
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    readTls: checked(() => ({ ca: readFileSync(join(directory, "ca.crt")) })),
    token: tokenFromFile(join(directory, "token")),
  };
}

/** The connection of a kubeconfig file's current context. */
export function readKubeConfig(path: string): KubernetesConnection {
  if (!existsSync(path)) {
    throw new Error(`kubeconfig: expected a file, got ${path} which does not exist`);
  }
  const file = (parse(readFileSync(path, "utf8")) ?? {}) as KubeConfigFile;
  const name = file["current-context"];
  const { cluster: clusterName, user: userName } = pick(
    file.contexts?.map((item) => ({ name: item.name, entry: item.context })),
    `${path}: contexts`,
    name,
  );
  const cluster = pick(
    file.clusters?.map((item) => ({ name: item.name, entry: item.cluster })),
    `${path}: clusters`,
    clusterName,
  );
  const user = pick(
    file.users?.map((item) => ({ name: item.name, entry: item.user })),
    `${path}: users`,
    userName,
  );
  return toConnection(path, cluster, user);
}

function pick<T>(list: NamedList<T>[] | undefined, what: string, name: string | undefined): T {
  const found = list?.find((item) => item.name === name);
  if (found === undefined) {
    throw new Error(`${what}: expected an entry named ${JSON.stringify(name)}, got none`);
  }
  return found.entry;
}

function toConnection(path: string, cluster: Cluster, user: User): KubernetesConnection {
  if (cluster.server === undefined) {
    throw new Error(`${path}: cluster.server: expected a URL, got nothing`);
  }
  for (const part of ["exec", "auth-provider", "username"]) {
    if (part in user) {
      throw new Error(`${path}: user.${part}: expected a token or a client certificate`);
    }
  }
  const directory = dirname(resolve(path));
  const read = (data?: string, file?: string): Buffer | undefined => {
    if (data !== undefined) {
      return Buffer.from(data, "base64");
    }
    return file === undefined ? undefined : readFileSync(resolve(directory, file));
  };
  const readTls = checked(() => {
    const ca = read(cluster["certificate-authority-data"], cluster["certificate-authority"]);
    const cert = read(user["client-certificate-data"], user["client-certificate"]);
    const key = read(user["client-key-data"], user["client-key"]);
    return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  });
  const token = readToken(user, directory);
  const serverName = cluster["tls-server-name"];
  return {
    server: cluster.server.replace(/\/+$/, ""),
    readTls,
    ...(token && { token }),
    ...(serverName !== undefined && { tlsServerName: serverName }),
    ...(cluster["insecure-skip-tls-verify"] === true && { isInsecure: true }),
  };
}

/** A reader that has succeeded once: what is missing at the start is told then. */
function checked<T>(read: () => T): () => T {
  read();
  return read;
}

function readToken(user: User, directory: string): (() => string) | undefined {
  const { token, tokenFile } = user;
  if (tokenFile !== undefined) {
    return tokenFromFile(resolve(directory, tokenFile));
  }
  return token === undefined ? undefined : () => token;
}

function tokenFromFile(path: string): () => string {
  let token = "";
  let readAt = -Infinity;
  return () => {
    const now = performance.now();
    if (now - readAt > TOKEN_MAX_AGE_MS) {
      token = readFileSync(path, "utf8").trim();
      readAt = now;
    }
    return token;
  };
}
