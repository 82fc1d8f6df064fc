/** A real API server with Plonk's CRD and namespaces, and helpers that read and write it. */
import { setTimeout as sleep } from "node:timers/promises";
import { CRD_NAME, toDefinitionSpec } from "../../../components/operator/crd.ts";
import { PROFILE_CRD_NAME, toProfileDefinition } from "../../../components/operator/profiles.ts";
import {
  type Condition,
  type FunctionResource,
  type FunctionSpec,
  PROFILE,
  type ProfileSpec,
} from "../../../contract/index.ts";
import { readKubeConfig } from "../../../services/lib/kubeconfig.ts";
import {
  isKubernetesStatus,
  KubernetesClient,
  resourcePath,
  type ResourceReference,
} from "../../../services/lib/kubernetes.ts";
import type { Deployment, Pod } from "../../../services/operator/kubernetes/types.ts";
import { startApiServer } from "../../support/apiserver.ts";

const FUNCTIONS = { group: "openfaas.com", plural: "functions" };
const OWNER = { fieldManager: "test", force: true };

/** Waits until `read` gives something, and returns it; throws after so many seconds. */
export async function eventually<T>(
  read: () => Promise<T | undefined | false>,
  seconds = 100,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await read();
    if (value !== undefined && value !== false) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`eventually: expected a value within ${seconds} s, got none`);
    }
    await sleep(100);
  }
}

interface ConditionSought {
  /** Name of the Function. */
  name: string;
  namespace?: string;
  type: string;
  message?: string;
}

export class TestCluster {
  readonly client: KubernetesClient;
  readonly kubeconfigPath: string;
  readonly #stop: () => Promise<void>;

  private constructor(client: KubernetesClient, kubeconfigPath: string, stop: () => Promise<void>) {
    this.client = client;
    this.kubeconfigPath = kubeconfigPath;
    this.#stop = stop;
  }

  /** Starts the server; the function namespace enforces the restricted standard. */
  static async start(): Promise<TestCluster> {
    const server = await startApiServer();
    const client = new KubernetesClient(readKubeConfig(server.kubeconfigPath));
    const cluster = new TestCluster(client, server.kubeconfigPath, () => server.stop());
    try {
      await cluster.#prepare();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.#stop();
  }

  async #prepare(): Promise<void> {
    await this.#define(CRD_NAME, toDefinitionSpec());
    await this.#define(PROFILE_CRD_NAME, toProfileDefinition());
    await this.createNamespace("openfaas");
    await this.createNamespace("openfaas-fn", {
      labels: { "pod-security.kubernetes.io/enforce": "restricted" },
    });
    // The storage of a new kind takes a moment; until then the server answers 404 or 429.
    for (const kind of [FUNCTIONS, PROFILE]) {
      await eventually(() => this.read(kind).catch(() => undefined));
    }
  }

  async #define(name: string, spec: object): Promise<void> {
    const group = "apiextensions.k8s.io";
    const path = resourcePath({ group, plural: "customresourcedefinitions", name });
    const kind = "CustomResourceDefinition";
    const object = { apiVersion: `${group}/v1`, kind, metadata: { name }, spec };
    await this.client.apply(path, object, OWNER);
  }

  /** Applies a Profile as an administrator would. */
  async applyProfile(name: string, spec: ProfileSpec): Promise<void> {
    const { apiVersion, kind } = PROFILE;
    const metadata = { name, namespace: "openfaas" };
    const path = resourcePath({ ...PROFILE, ...metadata });
    await this.client.apply(path, { apiVersion, kind, metadata, spec }, OWNER);
  }

  async createNamespace(name: string, metadata: object = {}): Promise<void> {
    const object = { apiVersion: "v1", kind: "Namespace", metadata: { name, ...metadata } };
    await this.client.apply(`/api/v1/namespaces/${name}`, object, OWNER);
  }

  /** An object, or undefined when there is none. */
  read<T>(reference: ResourceReference): Promise<T | undefined> {
    return this.client.find<T>(resourcePath(reference));
  }

  /** Applies a Function as whoever declares it would: without replicas. */
  async applyFunction(
    name: string,
    spec: Partial<FunctionSpec> = {},
    namespace = "openfaas-fn",
  ): Promise<void> {
    await this.client.apply(
      resourcePath({ ...FUNCTIONS, namespace, name }),
      {
        apiVersion: "openfaas.com/v1",
        kind: "Function",
        metadata: { name, namespace },
        spec: { name, image: "registry.example/x:1", ...spec },
      },
      OWNER,
    );
  }

  async applyCode(
    name: string,
    owner: string,
    { entry = "index.mjs", namespace = "openfaas-fn" } = {},
  ): Promise<void> {
    const metadata = { name, namespace, labels: { faas_function: owner } };
    await this.client.apply(
      resourcePath({ plural: "configmaps", namespace, name }),
      { apiVersion: "v1", kind: "ConfigMap", metadata, data: { [entry]: "" }, immutable: true },
      OWNER,
    );
  }

  async scale(name: string, replicas: number, namespace = "openfaas-fn"): Promise<void> {
    const path = resourcePath({ ...FUNCTIONS, namespace, name, subresource: "scale" });
    await this.client.mergePatch(path, { spec: { replicas } }, "test");
  }

  async delete(reference: ResourceReference): Promise<void> {
    await this.client.request(resourcePath(reference), { method: "DELETE" });
  }

  readFunction(name: string, namespace = "openfaas-fn"): Promise<FunctionResource | undefined> {
    return this.read({ ...FUNCTIONS, namespace, name });
  }

  readDeployment(name: string, namespace = "openfaas-fn"): Promise<Deployment | undefined> {
    return this.read({ group: "apps", plural: "deployments", namespace, name });
  }

  /** Waits for a Ready condition that is about the newest generation and has this reason. */
  waitForReason(name: string, reason: string, namespace = "openfaas-fn"): Promise<Condition> {
    return this.waitForCondition({ name, namespace, type: "Ready" }, reason);
  }

  /** With a message, for that one: the reason may be the same before it. */
  waitForCondition(
    { name, namespace = "openfaas-fn", type, message }: ConditionSought,
    reason: string,
  ): Promise<Condition> {
    return eventually(async () => {
      const resource = await this.readFunction(name, namespace);
      return resource?.status?.conditions?.find(
        (condition) =>
          condition.type === type &&
          condition.reason === reason &&
          (message === undefined || condition.message === message) &&
          condition.observedGeneration === resource.metadata.generation,
      );
    });
  }

  /** Pods of a function that are not on their way out. */
  async pods(name: string): Promise<Pod[]> {
    const path = resourcePath({ plural: "pods", namespace: "openfaas-fn" });
    const { items } = await this.client.request<{ items: Pod[] }>(path, {
      query: { labelSelector: `faas_function=${name}` },
    });
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Plays the part of kubelet: there is no node here. */
  async setPodStatus(pod: Pod, status: object): Promise<void> {
    const { name, namespace = "" } = pod.metadata;
    const path = resourcePath({ plural: "pods", namespace, name, subresource: "status" });
    await this.client.mergePatch(path, { status }, "kubelet");
  }

  /** Waits for so many pods of a function and says that they run. */
  async runPods(name: string, count: number): Promise<Pod[]> {
    const pods = await eventually(async () => {
      const found = await this.pods(name);
      return found.length === count && found;
    });
    for (const pod of pods) {
      await this.setPodStatus(pod, READY).catch((error: unknown) => {
        // A new pod that is ready is enough for the Deployment to remove an old one.
        if (!isKubernetesStatus(error, 404)) {
          throw error;
        }
      });
    }
    return pods;
  }
}

const READY = {
  phase: "Running",
  conditions: ["Initialized", "ContainersReady", "Ready"].map((type) => ({
    type,
    status: "True",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  })),
};
