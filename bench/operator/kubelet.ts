/** Plays the part of all nodes: each pod that comes runs at once, or never. */
import { LABEL } from "../../contract/index.ts";
import { isKubernetesStatus, type KubernetesClient } from "../../services/lib/kubernetes.ts";
import type { Logger } from "../../services/lib/logger.ts";
import { ResourceWatch } from "../../services/lib/watch.ts";
import type { Pod } from "../../services/operator/kubernetes/types.ts";

const MOST_WRITES = 8;
const STARTED = "2026-12-01T00:00:00Z";

export interface KubeletOptions {
  client: KubernetesClient;
  /** Path of all pods. */
  path: string;
  logger: Logger;
  /** Whether a pod's image cannot be pulled. @default never */
  isBroken?: (pod: Pod) => boolean;
}

export class Kubelet {
  readonly #client: KubernetesClient;
  readonly #watch: ResourceWatch<Pod>;
  readonly #path: string;
  /** What becomes of pods of which nothing is known yet, by their names. */
  readonly #waiting = new Map<string, object>();
  #writes = 0;
  #isOn = false;

  constructor({ client, path, logger, isBroken = () => false }: KubeletOptions) {
    this.#client = client;
    this.#path = path;
    this.#watch = new ResourceWatch<Pod>({
      client,
      logger,
      path,
      project: (pod) => ({
        metadata: { name: pod.metadata.name, ...pickVersion(pod.metadata) },
        ...(isNew(pod) && { status: isBroken(pod) ? toHanging(pod) : toRunning(pod) }),
      }),
    });
    this.#watch.on("change", ({ current, previous }) => {
      const { name = "" } = (current ?? previous)?.metadata ?? {};
      if (current?.status === undefined) {
        this.#waiting.delete(name);
      } else {
        this.#waiting.set(name, current.status);
        this.#pump();
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
    for (const [name, status] of this.#waiting) {
      if (!this.#isOn || this.#writes >= MOST_WRITES) {
        return;
      }
      this.#waiting.delete(name);
      this.#writes += 1;
      void this.#tell(name, status).finally(() => {
        this.#writes -= 1;
        this.#pump();
      });
    }
  }

  async #tell(name: string, status: object): Promise<void> {
    try {
      await this.#client.mergePatch(`${this.#path}/${name}/status`, { status }, "kubelet");
    } catch (error) {
      if (!isKubernetesStatus(error, 404)) {
        throw error;
      }
    }
  }
}

function isNew({ status }: Pod): boolean {
  return status?.phase === "Pending" && status.containerStatuses === undefined;
}

function pickVersion({ resourceVersion = "", uid = "" }: Pod["metadata"]): object {
  return { resourceVersion, uid };
}

/** What kubelet writes of a pod with one container that runs. */
function toRunning({ metadata }: Pod): NonNullable<Pod["status"]> {
  return { ...RUNS, containerStatuses: [{ ...CONTAINER, name: toContainerName(metadata) }] };
}

/** The same of one whose image cannot be pulled. */
function toHanging({ metadata }: Pod): NonNullable<Pod["status"]> {
  const waiting = { reason: "ErrImagePull", message: "manifest unknown" };
  const container = { ...CONTAINER, ready: false, started: false, state: { waiting } };
  return {
    phase: "Pending",
    containerStatuses: [{ ...container, name: toContainerName(metadata) }],
  };
}

function toContainerName({ labels = {} }: Pod["metadata"]): string {
  return labels[LABEL.function] ?? "";
}

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
};

const CONTAINER = {
  image: "registry.example/team/function:1.4.2",
  imageID: `registry.example/team/function@sha256:${"0123456789abcdef".repeat(4)}`,
  containerID: `containerd://${"0123456789abcdef".repeat(4)}`,
  ready: true,
  started: true,
  restartCount: 0,
  state: { running: { startedAt: STARTED } },
  lastState: {},
};
