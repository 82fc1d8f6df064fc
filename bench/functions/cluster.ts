/** The API server of the benchmark: the tests' small one, or a real one. */
import { NAMESPACE } from "../../contract/index.ts";
import { readKubeConfig } from "../../services/lib/kubeconfig.ts";
import { KubernetesClient, resourcePath } from "../../services/lib/kubernetes.ts";
import { startApiServer } from "../../test/support/apiserver.ts";
import { FakeKubernetes } from "../../test/support/fake-kubernetes.ts";
import { prepareFunctions } from "../../test/support/function-crd.ts";
import { findOwnAddress } from "../../test/support/network.ts";
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
  /** Creates an object; resolves when the server has it. */
  create(kind: keyof typeof PATHS, item: Item): Promise<void>;
  /** Changes an object that exists; resolves when the server has it. */
  change(kind: keyof typeof PATHS, item: Item): Promise<void>;
  stop(): Promise<void>;
}

/** The tests' API server, in this process. */
export async function startFakeCluster(): Promise<BenchCluster> {
  const fake = new FakeKubernetes();
  const client = await fake.start();
  const put: BenchCluster["create"] = (kind, item) => {
    fake.put(PATHS[kind], item);
    return Promise.resolve();
  };
  return {
    env: { bench_server: fake.url },
    address: "127.0.0.1",
    create: put,
    change: put,
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
  await prepareFunctions(server);
  return {
    env: { KUBECONFIG: server.kubeconfigPath },
    address: findOwnAddress(),
    create: async (kind, item) => {
      await client.request(PATHS[kind], { method: "POST", body: item });
    },
    change: async (kind, item) => {
      await client.mergePatch(`${PATHS[kind]}/${item.metadata.name}`, item, "bench");
    },
    stop: async () => {
      await client.close();
      await server.stop();
    },
  };
}
