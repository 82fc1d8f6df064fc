/** Plays the part of all nodes: each pod that comes runs at once. */
import { isKubernetesStatus, type KubernetesClient } from "../../services/lib/kubernetes.ts";
import type { Logger } from "../../services/lib/logger.ts";
import { ResourceWatch } from "../../services/lib/watch.ts";
import type { Pod } from "../../services/operator/kubernetes/types.ts";

const MOST_WRITES = 8;
const STARTED = "2026-12-01T00:00:00Z";

export class Kubelet {
  readonly #client: KubernetesClient;
  readonly #watch: ResourceWatch<Pod>;
  readonly #path: string;
  /** Names of pods that do not run yet. */
  readonly #waiting = new Map<string, Pod>();
  #writes = 0;
  #isOn = false;

  /** @param path of all pods */
  constructor(client: KubernetesClient, path: string, logger: Logger) {
    this.#client = client;
    this.#path = path;
    this.#watch = new ResourceWatch<Pod>({
      client,
      logger,
      path,
      project: ({ metadata, status }) => ({
        metadata: { name: metadata.name, ...pickVersion(metadata) },
        status: { phase: status?.phase ?? "" },
      }),
    });
    this.#watch.on("change", ({ key, current }) => {
      if (current?.status?.phase === "Pending") {
        this.#waiting.set(key, current);
        this.#pump();
      } else {
        this.#waiting.delete(key);
      }
    });
  }

  async start(): Promise<void> {
    await this.#watch.start().waitForSync();
  }

  /** Runs what waits, and what comes from now on. */
  switchOn(): void {
    this.#isOn = true;
    this.#pump();
  }

  stop(): Promise<void> {
    this.#isOn = false;
    return this.#watch.stop();
  }

  #pump(): void {
    for (const [key, pod] of this.#waiting) {
      if (!this.#isOn || this.#writes >= MOST_WRITES) {
        return;
      }
      this.#waiting.delete(key);
      this.#writes += 1;
      void this.#run(pod).finally(() => {
        this.#writes -= 1;
        this.#pump();
      });
    }
  }

  async #run({ metadata: { name } }: Pod): Promise<void> {
    try {
      await this.#client.mergePatch(`${this.#path}/${name}/status`, { status: RUNS }, "kubelet");
    } catch (error) {
      if (!isKubernetesStatus(error, 404)) {
        throw error;
      }
    }
  }
}

function pickVersion({ resourceVersion = "", uid = "" }: Pod["metadata"]): object {
  return { resourceVersion, uid };
}

/** What kubelet writes of a pod with one container that runs. */
const RUNS = {
  phase: "Running",
  hostIP: "10.0.0.11",
  hostIPs: [{ ip: "10.0.0.11" }],
  podIP: "10.42.3.117",
  podIPs: [{ ip: "10.42.3.117" }],
  startTime: STARTED,
  conditions: [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodScheduled",
  ].map((type) => ({ type, status: "True", lastProbeTime: null, lastTransitionTime: STARTED })),
  containerStatuses: [
    {
      name: "function",
      image: "registry.example/team/function:1.4.2",
      imageID: `registry.example/team/function@sha256:${"0123456789abcdef".repeat(4)}`,
      containerID: `containerd://${"0123456789abcdef".repeat(4)}`,
      ready: true,
      started: true,
      restartCount: 0,
      state: { running: { startedAt: STARTED } },
      lastState: {},
    },
  ],
};
