/** A real API server with thousands of Functions, and what can be seen and done there. */
import { NAMESPACE } from "../../contract/index.ts";
import { readKubeConfig } from "../../services/lib/kubeconfig.ts";
import { KubernetesClient, resourcePath } from "../../services/lib/kubernetes.ts";
import { createLogger, type Logger } from "../../services/lib/logger.ts";
import { ResourceWatch, type WatchedObject } from "../../services/lib/watch.ts";
import { startApiServer } from "../../test/support/apiserver.ts";
import { FakeGateway } from "../../test/support/fake-gateway.ts";
import { prepareFunctions } from "../../test/support/function-crd.ts";
import { nameOf, toFunction } from "../functions/objects.ts";
import { Kubelet } from "./kubelet.ts";

const { functions: namespace, platform } = NAMESPACE;
const PARALLEL_WRITES = 16;

/** Addresses of gateways, for benchmarks (RFC 2544). */
const GATEWAYS = ["198.18.0.1", "198.18.0.2"];

/**
 * Of the controllers of Kubernetes, which take most of the machine's time, those by which there are
 * pods; as it is, each of them makes 20 writes a second.
 */
const CONTROLLERS = ["deployment", "replicaset", "namespace", "serviceaccount"];
const SERVER = [
  "--disable-scheduler",
  // What the disk does is no part of it; SQLite takes twice as long.
  "--cluster-init",
  "--etcd-arg=unsafe-no-fsync",
  `--kube-controller-manager-arg=controllers=${CONTROLLERS.map((it) => `${it}-controller`).join()}`,
  "--kube-controller-manager-arg=kube-api-qps=2000",
  "--kube-controller-manager-arg=kube-api-burst=4000",
];

const HOUR_MS = 3_600_000;

interface Observed extends WatchedObject {
  isDone?: boolean;
}

interface Resource extends WatchedObject {
  metadata: WatchedObject["metadata"] & { generation?: number };
  status?: { conditions?: { type: string; status: string; observedGeneration?: number }[] };
}

export class World {
  readonly kubeconfigPath: string;
  /** Ports on which gateways are played, by their addresses. */
  readonly gateways = new Map<string, number>();
  readonly kubelet: Kubelet;
  readonly #functions: number;
  readonly #client: KubernetesClient;
  readonly #logger: Logger = createLogger({ name: "bench", level: "warn" });
  readonly #ends: (() => Promise<unknown>)[] = [];

  private constructor(functions: number, kubeconfigPath: string) {
    this.#functions = functions;
    this.kubeconfigPath = kubeconfigPath;
    this.#client = new KubernetesClient(readKubeConfig(kubeconfigPath));
    this.#ends.push(() => this.#client.close());
    const path = resourcePath({ plural: "pods", namespace });
    this.kubelet = new Kubelet({ client: this.#client, path, logger: this.#logger });
    this.#ends.push(() => this.kubelet.stop());
  }

  /** Starts the server and makes the Functions. */
  static async with(functions: number, use: (world: World) => Promise<void>): Promise<void> {
    const server = await startApiServer(SERVER);
    const world = new World(functions, server.kubeconfigPath);
    world.#ends.unshift(() => server.stop());
    try {
      await prepareFunctions(server);
      await server.kubectl("create", "namespace", platform);
      await world.#fill();
      await world.kubelet.start();
      await use(world);
    } finally {
      for (const end of world.#ends.reverse()) {
        await end();
      }
    }
  }

  /** Watches until there is all that the operator makes of each Function. */
  async untilApplied(): Promise<void> {
    const counts = await Promise.all([
      this.#watch("openfaas.com", "functions", hasStatus),
      this.#watch("apps", "deployments", () => true),
      this.#watch(undefined, "services", () => true),
    ]);
    await Promise.all(counts.map((all) => all()));
  }

  /** Watches until all functions are ready. */
  async untilReady(): Promise<void> {
    const all = await this.#watch("openfaas.com", "functions", isReady);
    await all();
  }

  /** Writes an annotation of each Function that means nothing. */
  async touchAll(text: string): Promise<void> {
    await this.#patchAll({ metadata: { annotations: { "bench/touched": text } } });
  }

  /** Has the load of each Function scale it, beside two gateways. */
  async scaleAll(): Promise<void> {
    const scale = { signals: [{ type: "rps", target: 50 }] };
    await this.#patchAll({ spec: { scale } });
    await this.#playGateways();
  }

  async #patchAll(patch: object): Promise<void> {
    await this.#forAll(async (name) => {
      const path = resourcePath({ group: "openfaas.com", plural: "functions", namespace, name });
      await this.#client.mergePatch(path, patch, "bench");
    });
  }

  async #fill(): Promise<void> {
    const path = resourcePath({ group: "openfaas.com", plural: "functions", namespace });
    await this.#forAll(async (name) => {
      const body = this.#toFunction(name);
      await this.#client.request(path, { method: "POST", body });
    });
  }

  /** Without a status, replicas, and Secrets, which would have to be there. */
  #toFunction(name: string): object {
    const { spec, ...others } = toFunction(name);
    const bare = { secrets: undefined, replicas: undefined };
    return { ...others, status: undefined, spec: { ...(spec as object), ...bare } };
  }

  async #forAll(work: (name: string) => Promise<void>): Promise<void> {
    let next = 0;
    const run = async (): Promise<void> => {
      for (let index = next++; index < this.#functions; index = next++) {
        await work(nameOf(index));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_WRITES }, run));
  }

  /** Gives what waits until the objects of a kind are as many as there are Functions, and so. */
  async #watch(
    group: string | undefined,
    plural: string,
    isDone: (object: Resource) => boolean,
  ): Promise<() => Promise<void>> {
    const watch = new ResourceWatch<Observed, Resource>({
      client: this.#client,
      logger: this.#logger,
      path: resourcePath({ ...(group !== undefined && { group }), plural, namespace }),
      project: (object) => ({ metadata: toIdentity(object), isDone: isDone(object) }),
    });
    let done = 0;
    const enough = Promise.withResolvers<null>();
    watch.on("change", ({ current, previous }) => {
      done += Number(current?.isDone ?? false) - Number(previous?.isDone ?? false);
      if (done >= this.#functions) {
        enough.resolve(null);
      }
    });
    await watch.start().waitForSync();
    return async () => {
      await enough.promise;
      await watch.stop();
    };
  }

  /** Two that say of each function that it has some calls, and needs no other pods. */
  async #playGateways(): Promise<void> {
    const names = Array.from({ length: this.#functions }, (_, index) => nameOf(index));
    for (const address of GATEWAYS) {
      const gateway = await FakeGateway.start();
      this.#ends.push(() => gateway.stop());
      this.gateways.set(address, Number(gateway.address));
      gateway.answer = () => {
        const now = performance.now();
        const started = 100_000 + Math.floor(now / 1000);
        const loads = names.map((name, index) => {
          const load = [started + index, index % 3, 0, (index * 7919) % 90_000] as const;
          return [`${name}.${namespace}`, [...load] as [number, number, number, number]] as const;
        });
        return { ageMs: HOUR_MS + now, functions: Object.fromEntries(loads) };
      };
    }
    const metadata = {
      name: "gateway-1",
      namespace: platform,
      labels: { "kubernetes.io/service-name": "gateway" },
    };
    const group = "discovery.k8s.io";
    await this.#client.request(
      resourcePath({ group, plural: "endpointslices", namespace: platform }),
      {
        method: "POST",
        body: {
          apiVersion: `${group}/v1`,
          kind: "EndpointSlice",
          metadata,
          addressType: "IPv4",
          endpoints: GATEWAYS.map((it) => ({ addresses: [it], conditions: { ready: true } })),
          ports: [{ name: "http", port: 8080 }],
        },
      },
    );
  }
}

function toIdentity({ metadata }: WatchedObject): WatchedObject["metadata"] {
  const { name, resourceVersion = "", uid = "" } = metadata;
  return { name, namespace, resourceVersion, uid };
}

function findReady({ metadata, status }: Resource): { status: string } | undefined {
  return status?.conditions?.find(
    ({ type, observedGeneration }) =>
      type === "Ready" && observedGeneration === metadata.generation,
  );
}

function hasStatus(resource: Resource): boolean {
  return findReady(resource) !== undefined;
}

function isReady(resource: Resource): boolean {
  return findReady(resource)?.status === "True";
}
