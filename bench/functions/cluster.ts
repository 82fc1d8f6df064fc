/** Where the bench keeps its Functions: in the tests' small API server, or in a real one. */
import { networkInterfaces } from "node:os";
import { stringify } from "yaml";
import { CRD_NAME, toDefinitionSpec } from "../../components/platform/crd.ts";
import { NAMESPACE } from "../../services/contract/index.ts";
import { readKubeConfig } from "../../services/lib/kubeconfig.ts";
import {
  isKubernetesStatus,
  KubernetesClient,
  resourcePath,
} from "../../services/lib/kubernetes.ts";
import { startApiServer } from "../../test/support/apiserver.ts";
import { FakeKubernetes } from "../../test/support/fake-kubernetes.ts";
import type { Item } from "./objects.ts";

const { functions: namespace } = NAMESPACE;

const PATHS = {
  functions: resourcePath({ group: "openfaas.com", plural: "functions", namespace }),
  slices: resourcePath({ group: "discovery.k8s.io", plural: "endpointslices", namespace }),
} as const;

/** A cluster that can be written to. */
export interface BenchCluster {
  /** Environment with which a gateway finds it. */
  env: Record<string, string>;
  /** Address of this machine that EndpointSlices may hold. */
  address: string;
  /** Creates or replaces an object; resolves when the server has it. */
  put(kind: keyof typeof PATHS, item: Item): Promise<void>;
  stop(): Promise<void>;
}

/** The tests' API server, in this process. */
export async function startFakeCluster(): Promise<BenchCluster> {
  const fake = new FakeKubernetes();
  const client = await fake.start();
  return {
    env: { bench_server: fake.url },
    address: "127.0.0.1",
    put: (kind, item) => {
      fake.put(PATHS[kind], item);
      return Promise.resolve();
    },
    stop: async () => {
      await client.close();
      await fake.stop();
    },
  };
}

/** k3s' own API server without any node, with the CRD and the namespace of functions. */
export async function startRealCluster(): Promise<BenchCluster> {
  const server = await startApiServer();
  const client = new KubernetesClient(readKubeConfig(server.kubeconfigPath));
  await server.apply(
    stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: CRD_NAME },
      spec: toDefinitionSpec(),
    }),
  );
  await server.kubectl("wait", "--for=condition=Established", `crd/${CRD_NAME}`);
  await server.kubectl("create", "namespace", namespace);
  return {
    env: { KUBECONFIG: server.kubeconfigPath },
    address: findOwnAddress(),
    put: (kind, item) => write(client, PATHS[kind], item),
    stop: async () => {
      await client.close();
      await server.stop();
    },
  };
}

/** An address that is no loopback one: a real API server refuses those in EndpointSlices. */
function findOwnAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  if (own === undefined) {
    throw new Error("network: expected an IPv4 address besides the loopback one, got none");
  }
  return own.address;
}

async function write(client: KubernetesClient, path: string, item: Item): Promise<void> {
  try {
    await client.request(path, { method: "POST", body: item });
  } catch (error) {
    if (!isKubernetesStatus(error, 409)) throw error;
    await client.mergePatch(`${path}/${item.metadata.name}`, item, "bench");
  }
}
