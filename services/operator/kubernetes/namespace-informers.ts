/** Live copies of what functions are made of in one namespace: Deployments, Services and pods. */
import { LABEL } from "../../../contract/index.ts";
import { type KubernetesClient, resourcePath } from "../../lib/kubernetes.ts";
import type { Logger } from "../../lib/logger.ts";
import { type Change, ResourceWatch, type WatchedObject } from "../../lib/watch.ts";
import { toSmall, toSmallDeployment, toSmallPod } from "./transforms.ts";
import type { Deployment, Metadata, Pod, Service } from "./types.ts";

export interface ChildrenOptions {
  client: KubernetesClient;
  logger: Logger;
  namespace: string;
  /** Told which function to look at again. */
  onChange: (key: string) => void;
  /** Told of Deployments and Services that are gone. */
  onGone: (plural: "deployments" | "services", metadata: Metadata) => void;
}

export class Children {
  readonly deployments: ResourceWatch<Deployment>;
  readonly services: ResourceWatch<Service>;
  readonly #pods: ResourceWatch<Pod>;
  /** Keys of pods by function. */
  readonly #podsOf = new Map<string, Set<string>>();
  readonly #options: ChildrenOptions;
  readonly #stopping = new AbortController();

  constructor(options: ChildrenOptions) {
    this.#options = options;
    this.deployments = this.#create("deployments", toSmallDeployment, "apps");
    this.services = this.#create("services", toSmall);
    this.#pods = this.#create("pods", toSmallPod);
    this.deployments.on("change", (change) => this.#noteChild("deployments", change));
    this.services.on("change", (change) => this.#noteChild("services", change));
    this.#pods.on("change", (change) => this.#notePod(change));
  }

  /** Lists everything, then resolves; the copies are kept up to date from then on. */
  async start(): Promise<void> {
    const { signal } = this.#stopping;
    await Promise.all(this.#all().map((watch) => watch.start().waitForSync(signal)));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#all().map((watch) => watch.stop()));
  }

  /** Whether the copies are complete. */
  get hasSynced(): boolean {
    return this.#all().every((watch) => watch.hasSynced);
  }

  /** For readiness: undefined, or what is wrong. */
  problem(): string | undefined {
    return this.#all()
      .map((watch) => watch.problem())
      .find((problem) => problem !== undefined);
  }

  /** Pods of a function. */
  getPods(key: string): Pod[] {
    const keys = [...(this.#podsOf.get(key) ?? [])];
    return keys.flatMap((podKey) => this.#pods.get(podKey) ?? []);
  }

  #create<T extends WatchedObject>(
    plural: string,
    project: (object: T) => T,
    group?: string,
  ): ResourceWatch<T> {
    const { client, logger, namespace } = this.#options;
    const path = resourcePath({ plural, namespace, ...(group !== undefined && { group }) });
    return new ResourceWatch<T>({ client, logger, project, path, labelSelector: LABEL.function });
  }

  #all(): Pick<ResourceWatch<Pod>, "start" | "stop" | "hasSynced" | "problem">[] {
    return [this.deployments, this.services, this.#pods] as never;
  }

  #noteChild(
    plural: "deployments" | "services",
    { current, previous }: Change<{ metadata: Metadata }>,
  ): void {
    const key = functionKey(current ?? previous);
    if (current === undefined && previous !== undefined) {
      this.#options.onGone(plural, previous.metadata);
    }
    if (key !== undefined) {
      this.#options.onChange(key);
    }
  }

  #notePod(change: Change<Pod>): void {
    const key = functionKey(change.current ?? change.previous);
    if (key === undefined) {
      return;
    }
    const pods = this.#podsOf.get(key) ?? new Set();
    if (change.current === undefined) {
      pods.delete(change.key);
    } else {
      pods.add(change.key);
    }
    if (pods.size === 0) {
      this.#podsOf.delete(key);
    } else {
      this.#podsOf.set(key, pods);
    }
    this.#options.onChange(key);
  }
}

/** The key of the function that an object is labelled with. */
function functionKey(object: { metadata: Metadata } | undefined): string | undefined {
  const name = object?.metadata.labels?.[LABEL.function];
  return name === undefined ? undefined : `${object?.metadata.namespace ?? ""}/${name}`;
}
