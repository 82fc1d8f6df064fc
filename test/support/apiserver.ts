/** A real Kubernetes API server with its controllers and without any node: up in seconds. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node";
import { readKubeConfig } from "../../services/lib/kubeconfig.ts";
import { KubernetesClient } from "../../services/lib/kubernetes.ts";
import { acquire } from "../../toolchain/acquire.ts";
import { findFreePortPair } from "./network.ts";

const START_SECONDS = 90;
const POLL_MS = 100;

export interface ApiServer {
  /** Content of the administrator's kubeconfig. */
  kubeconfig: string;
  /** Path of the same. */
  kubeconfigPath: string;
  /** URL of the server. */
  url: string;
  /** Runs `kubectl` and returns what it prints. Its failure is an error with its message. */
  kubectl(...args: string[]): Promise<string>;
  /** Applies a manifest (YAML or JSON) as another field manager than Pulumi. */
  apply(manifest: string, fieldManager?: string): Promise<void>;
  /** For what kubectl does not do, such as writing a status. */
  config: KubeConfig;
  objects: KubernetesObjectApi;
  /** Ends the server and deletes its data. */
  stop(): Promise<void>;
}

/**
 * Starts `k3s server --disable-agent` on a free loopback port.
 * @param more - arguments of `k3s server`, for benchmarks
 * @throws Error with the end of the server's log when it does not come up
 */
export async function startApiServer(more: readonly string[] = []): Promise<ApiServer> {
  const { path: binary } = await acquire("k3s");
  const directory = await mkdtemp(join(tmpdir(), "plonk-api-"));
  const kubeconfigPath = join(directory, "kubeconfig");
  // k3s puts the API server itself on the port after its own.
  const port = await findFreePortPair();
  const server = spawn(binary, [...toArguments(directory, port), ...more], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log = collectLog(server);
  const stop = async (): Promise<void> => {
    // All that it could save goes with the folder, and an orderly end takes three seconds.
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) {
      await once(server, "exit");
    }
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await waitUntilUp(server, kubeconfigPath);
  } catch (error) {
    await stop();
    throw new Error(`the API server did not start: ${log()}`, { cause: error });
  }
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigPath);
  const kubectl = toKubectl(binary, directory);
  return {
    kubeconfig: await readFile(kubeconfigPath, "utf8"),
    kubeconfigPath,
    url: `https://127.0.0.1:${String(port)}`,
    kubectl: (...args) => kubectl(args),
    async apply(manifest, fieldManager = "somebody") {
      const args = ["apply", "--server-side", `--field-manager=${fieldManager}`, "-f", "-"];
      await kubectl(args, manifest);
    },
    config,
    objects: KubernetesObjectApi.makeApiClient(config),
    stop,
  };
}

function toArguments(directory: string, port: number): string[] {
  return [
    "server",
    "--disable-agent",
    // Nothing that only a node needs, and nothing that listens on a fixed port.
    "--disable=coredns,local-storage,metrics-server,servicelb,traefik",
    "--disable-cloud-controller",
    "--disable-helm-controller",
    "--disable-network-policy",
    "--egress-selector-mode=disabled",
    "--kube-controller-manager-arg=secure-port=0",
    "--kube-scheduler-arg=secure-port=0",
    `--data-dir=${join(directory, "data")}`,
    `--write-kubeconfig=${join(directory, "kubeconfig")}`,
    "--bind-address=127.0.0.1",
    "--node-ip=127.0.0.1",
    `--https-listen-port=${String(port)}`,
  ];
}

function collectLog(server: ChildProcess): () => string {
  let log = "";
  const add = (chunk: Buffer): void => {
    log = (log + chunk.toString()).slice(-2000);
  };
  server.stdout?.on("data", add);
  server.stderr?.on("data", add);
  return () => log;
}

async function waitUntilUp(server: ChildProcess, kubeconfigPath: string): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) {
      throw new Error(`it ended with ${String(server.exitCode)}`);
    }
    if (existsSync(kubeconfigPath) && (await hasDefaults(kubeconfigPath))) {
      return;
    }
    await sleep(POLL_MS);
  }
  throw new Error(`it was not ready after ${String(START_SECONDS)} s`);
}

/** The namespace `default` and its service account come last. */
async function hasDefaults(kubeconfigPath: string): Promise<boolean> {
  const text = await readFile(kubeconfigPath, "utf8");
  if (text === "") {
    // The server makes the file, and then writes it.
    return false;
  }
  const config = new KubeConfig();
  config.loadFromString(text);
  const objects = KubernetesObjectApi.makeApiClient(config);
  const metadata = { name: "default", namespace: "default" };
  return objects.read({ apiVersion: "v1", kind: "ServiceAccount", metadata }).then(
    () => true,
    () => false,
  );
}

type Kubectl = (args: readonly string[], input?: string) => Promise<string>;

function toKubectl(binary: string, directory: string): Kubectl {
  const kubeconfig = `--kubeconfig=${join(directory, "kubeconfig")}`;
  // Where the server has unpacked kubectl already; kubectl keeps a cache in the home directory.
  const env = { ...process.env, HOME: directory, K3S_DATA_DIR: join(directory, "data") };
  return async (args, input) => {
    const child = spawn(binary, ["kubectl", kubeconfig, ...args], { env });
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    child.stdin.end(input ?? "");
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) {
      throw new Error(`kubectl ${args.join(" ")}: ${errors}`);
    }
    return output;
  };
}

/** A client that is nobody but who the token says. */
export function createTokenClient(kubeconfigPath: string, token: string): KubernetesClient {
  const { server, readTls } = readKubeConfig(kubeconfigPath);
  const { ca } = readTls?.() ?? {};
  return new KubernetesClient({
    server,
    readTls: () => ({ ...(ca && { ca }) }),
    token: () => token.trim(),
  });
}
